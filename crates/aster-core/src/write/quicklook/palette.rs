//! Colour scales: perceptually even, readable with colour-blind eyes.

/// Red, green and blue, 0 to 255.
pub(super) type Rgb = [u8; 3];

/// A colour scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Palette {
    /// Brown over cream to deep green.
    Vegetation,
    /// Brown over cream to deep blue.
    Water,
    /// Black over red to pale yellow.
    Inferno,
    /// Violet over green to yellow.
    Viridis,
    /// Green lowlands over sand and brown to white.
    Terrain,
    /// Near black to near white.
    Grey,
}

const VEGETATION: &[Rgb] = &[
    [0x6b, 0x3f, 0x1d],
    [0xa0, 0x6a, 0x35],
    [0xd0, 0xa2, 0x69],
    [0xef, 0xdd, 0xb4],
    [0xf0, 0xf0, 0xcf],
    [0xb9, 0xd6, 0x8e],
    [0x6f, 0xae, 0x58],
    [0x2f, 0x7f, 0x3c],
    [0x0b, 0x4f, 0x2a],
];
const WATER: &[Rgb] = &[
    [0x6b, 0x3f, 0x1d],
    [0xa3, 0x70, 0x3c],
    [0xd2, 0xa8, 0x72],
    [0xef, 0xde, 0xba],
    [0xf1, 0xf2, 0xea],
    [0xb4, 0xd8, 0xdd],
    [0x63, 0xa9, 0xc6],
    [0x25, 0x70, 0xa1],
    [0x0c, 0x3c, 0x6e],
];
const INFERNO: &[Rgb] = &[
    [0x00, 0x00, 0x04],
    [0x1b, 0x0c, 0x41],
    [0x4a, 0x0c, 0x6b],
    [0x78, 0x1c, 0x6d],
    [0xa5, 0x2c, 0x60],
    [0xcf, 0x44, 0x46],
    [0xed, 0x69, 0x25],
    [0xfb, 0x9b, 0x06],
    [0xf7, 0xd1, 0x3d],
    [0xfc, 0xff, 0xa4],
];
const VIRIDIS: &[Rgb] = &[
    [0x44, 0x01, 0x54],
    [0x48, 0x28, 0x78],
    [0x3e, 0x49, 0x89],
    [0x31, 0x68, 0x8e],
    [0x26, 0x82, 0x8e],
    [0x1f, 0x9e, 0x89],
    [0x35, 0xb7, 0x79],
    [0x6e, 0xce, 0x58],
    [0xb5, 0xde, 0x2b],
    [0xfd, 0xe7, 0x25],
];
const TERRAIN: &[Rgb] = &[
    [0x2f, 0x5d, 0x50],
    [0x6a, 0x8f, 0x5c],
    [0xb5, 0xb8, 0x75],
    [0xe3, 0xd2, 0x9a],
    [0xc9, 0xa0, 0x72],
    [0x9a, 0x70, 0x55],
    [0xb9, 0xa3, 0x98],
    [0xf4, 0xf1, 0xee],
];
const GREY: &[Rgb] = &[[0x10, 0x12, 0x16], [0x5a, 0x5d, 0x62], [0xa6, 0xa7, 0xa8], [0xf7, 0xf6, 0xf2]];

impl Palette {
    /// Colour of values below zero, where zero parts two kinds of things: vegetation indices of water, snow
    /// and cloud are negative.
    pub(super) fn below_zero(self) -> Option<Rgb> {
        (self == Self::Vegetation).then_some([0x8f, 0xae, 0xc4])
    }

    /// Colour at a share from 0 to 1.
    pub(super) fn colour(self, share: f32) -> Rgb {
        let stops = match self {
            Self::Vegetation => VEGETATION,
            Self::Water => WATER,
            Self::Inferno => INFERNO,
            Self::Viridis => VIRIDIS,
            Self::Terrain => TERRAIN,
            Self::Grey => GREY,
        };
        let position = share.clamp(0.0, 1.0) * (stops.len() - 1) as f32;
        let below = (position.floor() as usize).min(stops.len() - 2);
        let (a, b) = (stops[below], stops[below + 1]);
        mix(a, b, position - below as f32)
    }
}

/// `a` at 0, `b` at 1.
pub(super) fn mix(a: Rgb, b: Rgb, share: f32) -> Rgb {
    std::array::from_fn(|i| {
        let (a, b) = (f32::from(a[i]), f32::from(b[i]));
        (a + (b - a) * share.clamp(0.0, 1.0)).round() as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle() {
        assert_eq!(Palette::Viridis.colour(0.0), [0x44, 0x01, 0x54]);
        assert_eq!(Palette::Viridis.colour(1.0), [0xfd, 0xe7, 0x25]);
        assert_eq!(Palette::Vegetation.colour(0.5), [0xf0, 0xf0, 0xcf]);
        assert_eq!(Palette::Grey.colour(f32::NAN.max(0.0)), Palette::Grey.colour(0.0));
    }
}
