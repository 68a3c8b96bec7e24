//! Tag numbers of the format, under the names the specification gives them.
#![forbid(unsafe_code)]

pub(crate) const NULL: u16 = 1;
pub(crate) const LINKED: u16 = 20;
pub(crate) const COMPRESSED: u16 = 40;
pub(crate) const CHUNK: u16 = 61;
pub(crate) const NT: u16 = 106;
pub(crate) const SDG: u16 = 700;
pub(crate) const SDD: u16 = 701;
pub(crate) const SD: u16 = 702;
pub(crate) const SDL: u16 = 704;
pub(crate) const SDU: u16 = 705;
pub(crate) const SDF: u16 = 706;
pub(crate) const SDC: u16 = 708;
pub(crate) const SDLNK: u16 = 710;
pub(crate) const NDG: u16 = 720;
pub(crate) const CAL: u16 = 731;
pub(crate) const VH: u16 = 1962;
pub(crate) const VS: u16 = 1963;
pub(crate) const VG: u16 = 1965;

const USER: u16 = 0x8000;
const SPECIAL: u16 = 0x4000;

/// Splits a stored tag into its base tag and whether the element is special.
pub(crate) fn split(raw: u16) -> (u16, bool) {
    if raw & USER == 0 && raw & SPECIAL != 0 { (raw & !SPECIAL, true) } else { (raw, false) }
}

/// The specification's name of a tag, for listings.
pub fn name(tag: u16) -> &'static str {
    match tag {
        NULL => "DFTAG_NULL",
        LINKED => "DFTAG_LINKED",
        30 => "DFTAG_VERSION",
        COMPRESSED => "DFTAG_COMPRESSED",
        CHUNK => "DFTAG_CHUNK",
        100 => "DFTAG_FID",
        101 => "DFTAG_FD",
        104 => "DFTAG_DIL",
        105 => "DFTAG_DIA",
        NT => "DFTAG_NT",
        200 => "DFTAG_ID8",
        201 => "DFTAG_IP8",
        202 => "DFTAG_RI8",
        300 => "DFTAG_ID",
        301 => "DFTAG_LUT",
        302 => "DFTAG_RI",
        306 => "DFTAG_RIG",
        307 => "DFTAG_LD",
        SDG => "DFTAG_SDG",
        SDD => "DFTAG_SDD",
        SD => "DFTAG_SD",
        703 => "DFTAG_SDS",
        SDL => "DFTAG_SDL",
        SDU => "DFTAG_SDU",
        SDF => "DFTAG_SDF",
        707 => "DFTAG_SDM",
        SDC => "DFTAG_SDC",
        709 => "DFTAG_SDT",
        SDLNK => "DFTAG_SDLNK",
        NDG => "DFTAG_NDG",
        CAL => "DFTAG_CAL",
        732 => "DFTAG_FV",
        VH => "DFTAG_VH",
        VS => "DFTAG_VS",
        VG => "DFTAG_VG",
        _ => "unknown",
    }
}
