//! What was spooled comes out again, in order, whatever became of the process, the file and the disk.

use proptest::prelude::*;

use super::*;

const ROOM: u64 = 1 << 20;

fn open(dir: &Path) -> Spool {
    Spool::open(dir, ROOM).expect("a folder of ours")
}

/// Reads and settles all that waits.
fn drain(spool: &mut Spool) -> Vec<String> {
    let mut all = Vec::new();
    loop {
        let batch = spool.read(3).expect("it can be read");
        if batch.records.is_empty() {
            return all;
        }
        spool.settle(&batch).expect("it can be noted");
        all.extend(batch.records);
    }
}

fn named(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|n| format!("record {n}")).collect()
}

fn append(spool: &mut Spool, records: &[String]) -> io::Result<()> {
    spool.append(&records.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn records_come_out_in_order_and_once_also_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, &named(0..10)).unwrap();
    let batch = spool.read(4).unwrap();
    assert_eq!((batch.records.clone(), spool.waiting()), (named(0..4), 10));
    spool.settle(&batch).unwrap();
    // Read, and not settled when the process ended.
    assert_eq!(spool.read(2).unwrap().records, named(4..6));
    drop(spool);
    let mut spool = open(dir.path());
    assert_eq!(spool.waiting(), 6);
    append(&mut spool, &named(10..12)).unwrap();
    assert_eq!((drain(&mut spool), spool.waiting(), spool.dropped()), (named(4..12), 0, 0));
    drop(spool);
    assert_eq!(drain(&mut open(dir.path())), Vec::<String>::new());
}

#[test]
fn two_processes_cannot_have_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path());
    assert_eq!(Spool::open(dir.path(), ROOM).err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
    drop(first);
    open(dir.path());
}

#[test]
fn delivered_segments_go_and_beyond_the_bound_the_oldest_do() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let long = |n: u32| format!("{n:06} {}", "x".repeat(10_000));
    for n in 0..300 {
        append(&mut spool, &[long(n)]).unwrap();
        assert!(spool.bytes() <= ROOM, "{} bytes", spool.bytes());
    }
    assert_eq!(spool.waiting() + spool.dropped(), 300, "each waits or is counted");
    let left = drain(&mut spool);
    let first = 300 - u32::try_from(left.len()).unwrap();
    assert!((100..=230).contains(&first), "{first}");
    assert_eq!(left, (first..300).map(long).collect::<Vec<_>>(), "the newest are there, in order");
    let files = fs::read_dir(dir.path()).unwrap().filter(|e| number_of(&e.as_ref().unwrap().path()).is_some()).count();
    assert_eq!(files, 1, "all that is delivered went, but for the segment that is written to");
}

#[test]
fn what_is_in_hand_while_its_segment_goes_is_not_counted_as_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    let long = |n: u32| format!("{n:06} {}", "x".repeat(10_000));
    append(&mut spool, &[long(0), long(1)]).unwrap();
    let batch = spool.read(1).unwrap();
    for n in 2..300 {
        append(&mut spool, &[long(n)]).unwrap();
    }
    spool.settle(&batch).unwrap();
    assert_eq!(1 + spool.waiting() + spool.dropped(), 300);
}

#[test]
fn a_disk_that_takes_no_more_costs_what_does_not_fit_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, &named(0..3)).unwrap();
    // Stands in for a full disk: the device refuses each write with the error of one.
    let full = OpenOptions::new().read(true).write(true).open("/dev/full").unwrap();
    let file = spool.writing.replace(full);
    let error = append(&mut spool, &named(3..5)).unwrap_err();
    assert_eq!((error.kind(), spool.dropped(), spool.waiting()), (io::ErrorKind::StorageFull, 2, 3));
    spool.writing = file;
    append(&mut spool, &named(5..6)).unwrap();
    assert_eq!(drain(&mut spool), [named(0..3), named(5..6)].concat());
}

#[test]
fn files_that_somebody_cuts_or_removes_cost_what_was_in_them_and_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, &named(0..3)).unwrap();
    fs::remove_file(spool.path(1)).unwrap();
    assert_eq!((drain(&mut spool), spool.dropped(), spool.waiting()), (Vec::new(), 3, 0));
    append(&mut spool, &named(3..6)).unwrap();
    OpenOptions::new().write(true).open(spool.path(2)).unwrap().set_len(5).unwrap();
    assert_eq!((drain(&mut spool), spool.dropped()), (Vec::new(), 6));
    append(&mut spool, &named(6..8)).unwrap();
    assert_eq!(drain(&mut spool), named(6..8));
}

#[test]
fn a_record_too_large_is_dropped_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let mut spool = open(dir.path());
    append(&mut spool, &["x".repeat(RECORD_BYTES_MAX + 1), "x".repeat(RECORD_BYTES_MAX), "small".to_owned()]).unwrap();
    let lengths: Vec<_> = drain(&mut spool).iter().map(String::len).collect();
    assert_eq!((lengths, spool.dropped()), (vec![RECORD_BYTES_MAX, 5], 1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// A process that was killed has written any part of its last segment, and noted any earlier place.
    #[test]
    fn a_spool_cut_off_anywhere_gives_a_beginning_of_what_was_written(settled in 0usize..12, cut in 0u64..400) {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = open(dir.path());
        append(&mut spool, &named(0..12)).unwrap();
        if settled > 0 {
            let batch = spool.read(settled).unwrap();
            spool.settle(&batch).unwrap();
        }
        let path = spool.path(1);
        drop(spool);
        let whole = fs::metadata(&path).unwrap().len();
        let kept = whole.saturating_sub(cut);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(kept).unwrap();
        let mut spool = open(dir.path());
        append(&mut spool, &["later".to_owned()]).unwrap();
        let mut left = drain(&mut spool);
        prop_assert_eq!(left.pop(), Some("later".to_owned()));
        let all = named(0..12);
        // From the place that was settled, or from the beginning when the file does not reach that far any more.
        prop_assert!(all[settled..].starts_with(&left) || all.starts_with(&left), "{:?}", left);
        let frames = usize::try_from(kept / (whole / 12)).unwrap();
        prop_assert!(left.len() + settled + 1 >= frames.min(12) || left.len() + 1 >= frames, "{} of {frames}", left.len());
    }

    /// A disk that gives back another byte than was written costs the record with it, or all behind it, and is counted.
    #[test]
    fn damage_is_counted_and_never_delivered(at in 0usize..220, bit in 0u8..8) {
        let dir = tempfile::tempdir().unwrap();
        let mut spool = open(dir.path());
        append(&mut spool, &named(0..12)).unwrap();
        let path = spool.path(1);
        drop(spool);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        let mut spool = open(dir.path());
        let left = drain(&mut spool);
        let all = named(0..12);
        prop_assert!(left.iter().all(|record| all.contains(record)), "{:?}", left);
        prop_assert!(left.len() < 12 && spool.dropped() > 0 && spool.waiting() == 0);
    }
}
