//! The names that a misspelt word was probably meant to be.

/// Up to three candidates within a third of the name's length in edits, best first.
pub fn nearest_names<'a>(name: &str, candidates: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let wanted = name.to_lowercase();
    let allowed = (wanted.chars().count() / 3).max(2);
    let mut near: Vec<(usize, &str)> = candidates
        .map(|c| (c.to_lowercase(), c))
        .map(|(lower, c)| (edits(&wanted, &lower), lower, c))
        .filter(|(d, lower, _)| *d <= allowed || (wanted.len() >= 3 && lower.contains(&wanted)))
        .map(|(d, _, c)| (d, c))
        .collect();
    near.sort_by_key(|(d, _)| *d);
    near.dedup_by_key(|(_, c)| *c);
    near.into_iter().take(3).map(|(_, c)| c).collect()
}

/// Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let next = (diagonal + usize::from(ca != *cb)).min(row[j] + 1).min(row[j + 1] + 1);
            diagonal = std::mem::replace(&mut row[j + 1], next);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearness() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert!(nearest_names("zzzzzzzz", ["ndvi"].into_iter()).is_empty());
        let states = ["Tasmania", "South Australia", "Western Australia"];
        assert_eq!(nearest_names("south austraila", states.into_iter()), ["South Australia"]);
    }
}
