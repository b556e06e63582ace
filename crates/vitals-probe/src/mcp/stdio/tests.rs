//! Lines, wherever a pipe happens to split them. Children are tested with the sessions over them.

use super::*;
use proptest::prelude::*;

/// All lines of `input`, read from a pipe that delivers `piece` bytes at a time.
async fn lines(input: &[u8], piece: usize, bytes_max: usize) -> Vec<(Line, Vec<u8>)> {
    let mut reader = BufReader::with_capacity(piece, input);
    let (mut line, mut found) = (Vec::new(), Vec::new());
    loop {
        match read_line(&mut reader, &mut line, bytes_max).await {
            Line::End => return found,
            kind => found.push((kind, line.clone())),
        }
    }
}

#[tokio::test]
async fn lines_end_with_the_input_and_long_ones_are_cut() {
    let found = lines(b"one\n\nfour five\nend", 4, 6).await;
    let expected = [(Line::Whole, "one"), (Line::Whole, ""), (Line::Cut, "four f"), (Line::Whole, "end")];
    assert_eq!(found, expected.map(|(kind, text)| (kind, text.as_bytes().to_vec())));
    assert_eq!(lines(b"", 4, 6).await, []);
}

proptest! {
    #[test]
    fn a_split_changes_nothing(input in "[a-c\n]{0,40}", piece in 1..9usize) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let found = runtime.block_on(lines(input.as_bytes(), piece, 5));
        let naive: Vec<_> = input.strip_suffix('\n').unwrap_or(&input).split('\n').map(|line| {
            let kind = if line.len() > 5 { Line::Cut } else { Line::Whole };
            (kind, line.as_bytes()[..line.len().min(5)].to_vec())
        }).collect();
        prop_assert_eq!(found, if input.is_empty() { Vec::new() } else { naive });
    }
}
