//! The splitter, over every shape a file can have.

use super::*;

/// A piece that owns its bytes: line, part, reason, bytes.
type Owned = (u64, Option<u32>, Option<Reason>, Vec<u8>);

fn split(file: &[u8], size: usize) -> Vec<Owned> {
    let mut pieces = Vec::new();
    let mut sink = |piece: Piece<'_>| {
        pieces.push((piece.line, piece.part, piece.refused, piece.bytes.to_vec()));
    };
    let mut splitter = Splitter::default();
    for bytes in file.chunks(size) {
        splitter.push(bytes, &mut sink);
    }
    splitter.finish(&mut sink);
    pieces
}

/// What is cut, however the file is cut before.
fn cut(file: &[u8]) -> Vec<Owned> {
    let whole = split(file, file.len().max(1));
    for size in 1..file.len() {
        assert_eq!(split(file, size), whole, "{} in pieces of {size}", file.escape_ascii());
    }
    whole
}

fn record(line: u64, bytes: &str) -> Owned {
    (line, None, None, bytes.as_bytes().to_vec())
}

fn refused(line: u64, reason: Reason, bytes: &[u8]) -> Owned {
    (line, None, Some(reason), bytes.to_vec())
}

#[test]
fn one_record_per_line() {
    let records = vec![record(1, "{a}"), record(2, "{b}"), record(5, "{c}")];
    assert_eq!(cut(b"{a}\n{b}\n\n \t\r\n{c}\n"), records);
    assert_eq!(cut(b"{a}\r\n{b} \r\n\r\n\r\n\t{c}  "), records);
    assert_eq!(cut(b"\xef\xbb\xbf{a}\n{b}\n\n\n{c}"), records);
    assert_eq!(cut(b"\n\n{a}\n"), [record(3, "{a}")]);
}

#[test]
fn bad_lines_are_records_too_so_that_they_can_be_judged() {
    assert_eq!(cut(b"a,b\n1,2\n{}\n"), [record(1, "a,b"), record(2, "1,2"), record(3, "{}")]);
    assert_eq!(cut(b"\"open\n{}\n"), [record(1, "\"open"), record(2, "{}")]);
}

#[test]
fn one_object_over_many_lines() {
    let object = "{\n  \"call_id\": \"a\",\n\n  \"nested\": {\n    \"b\": 1\n  }\n}";
    assert_eq!(cut(object.as_bytes()), [record(1, object)]);
    assert_eq!(cut(format!("\u{feff}{object}\r\n \n").as_bytes()), [record(1, object)]);
    assert_eq!(cut(b"{\"a\":1}"), [record(1, "{\"a\":1}")]);
    assert_eq!(cut(b"{"), [record(1, "{")]);
}

#[test]
fn a_broken_first_line_does_not_spoil_the_lines_after_it() {
    let broken = "{\"call_id\":";
    assert_eq!(
        cut(format!("{broken}\n{{}}\n{{}}\n").as_bytes()),
        [record(1, broken), record(2, "{}"), record(3, "{}")]
    );
    assert_eq!(cut(format!("{broken}\n\n \n{{}}\n").as_bytes()), [record(1, broken), record(4, "{}")]);
}

#[test]
fn whatever_follows_a_cut_first_line_the_other_lines_are_records() {
    let good = r#"{"call_id":"b"}"#;
    for cut_line in [
        r#"{"call_id":"a","notes":"cut"#,
        r#"{"call_id":"a","notes":"cut\"#,
        r#"{"call_id":"a","notes":"#,
        r#"{"call_id":"a""#,
        r#"{"call_id":"a","x":[1,"#,
    ] {
        let file = format!("{cut_line}\nnonsense\n{good}\n\n{good}\n");
        let lines = [record(1, cut_line), record(2, "nonsense"), record(3, good), record(5, good)];
        assert_eq!(cut(file.as_bytes()), lines, "{cut_line}");
    }
}

#[test]
fn an_object_may_hold_objects_on_lines_of_their_own() {
    for object in
        ["{\"x\":\n{\"y\":1},\"call_id\":\"a\"}", "{\"x\":[\n{\"call_id\":\"b\"}\n,\n{}],\n\"call_id\":\"a}\"\n}"]
    {
        assert_eq!(cut(object.as_bytes()), [record(1, object)]);
        assert_eq!(cut(format!("\n{object}\n\n").as_bytes()), [record(2, object)]);
        let after = 2 + object.matches('\n').count() as u64;
        assert_eq!(cut(format!("{object} \n\n{{}}\n").as_bytes()), [record(1, object), record(after + 1, "{}")]);
        assert_eq!(
            cut(format!("{object} x\n{{}}").as_bytes()),
            [record(1, &format!("{object} x")), record(after, "{}")]
        );
    }
}

#[test]
fn an_object_that_breaks_off_is_one_piece_unless_a_record_can_be_saved() {
    let object = "{\n  \"call_id\": \"a\",\n  \"nested\": {";
    assert_eq!(cut(object.as_bytes()), [record(1, object)]);
    let (mut pieces, mut splitter) = (Vec::new(), Splitter::default());
    let mut sink = |piece: Piece<'_>| pieces.push((piece.line, piece.refused, piece.bytes.to_vec()));
    splitter.push(b"{\"x\":\n{}\n{\"y", &mut sink);
    splitter.refuse(Reason::TruncatedGzip, &mut sink);
    splitter.finish(&mut sink);
    let cut = Some(Reason::TruncatedGzip);
    assert_eq!(pieces, [(1, None, b"{\"x\":".to_vec()), (2, None, b"{}".to_vec()), (3, cut, b"{\"y".to_vec())]);
}

#[test]
fn what_may_be_an_object_is_kept_up_to_the_size_of_a_part() {
    let good = "{\"call_id\":\"b\"}\n".repeat(80_000);
    // Valid up to any place, and never an object: lines of an array that nobody closes.
    let never = "{\"x\":[\n".to_owned() + &"1,\n".repeat(500_000);
    for (file, pieces) in [(format!("{{\"x\":\n{good}"), 80_001), (never, 2)] {
        for size in [100_000, 1_500_000] {
            let (mut count, mut bytes) = (0, 0);
            let mut sink = |piece: Piece<'_>| {
                count += 1;
                bytes += super::tests::count(piece.bytes);
            };
            let mut splitter = Splitter::default();
            for chunk in file.as_bytes().chunks(size) {
                splitter.push(chunk, &mut sink);
                assert!(splitter.pending.bytes.capacity() <= 2 * PART, "{}", splitter.pending.bytes.capacity());
            }
            splitter.finish(&mut sink);
            assert_eq!((count, bytes), (pieces, super::tests::count(file.as_bytes())), "in pieces of {size}");
        }
    }
}

#[test]
fn an_array_is_its_elements() {
    let first = r#"{"a":"],[\\\""}"#;
    let three = [record(1, first), record(2, "[1,[2]]"), record(3, "3")];
    assert_eq!(cut(format!("[{first},[1,[2]],3]").as_bytes()), three);
    assert_eq!(cut(format!(" [\n{first} ,\r\n [1,[2]]\t, 3 \n] \n").as_bytes()), three);
    for empty in ["[]", " [ \n ] ", "\u{feff}[]\n"] {
        assert_eq!(cut(empty.as_bytes()), [], "{empty}");
    }
}

#[test]
fn a_missing_element_is_a_record_of_nothing() {
    assert_eq!(cut(b"[1,,2]"), [record(1, "1"), record(2, ""), record(3, "2")]);
    assert_eq!(cut(b"[1, ]"), [record(1, "1"), record(2, "")]);
    assert_eq!(cut(b"[,]"), [record(1, ""), record(2, "")]);
}

#[test]
fn an_array_that_never_closes_gives_what_came_before() {
    assert_eq!(cut(b"[1,{\"a\": [2"), [record(1, "1"), refused(2, Reason::OpenArray, b"{\"a\": [2")]);
    assert_eq!(cut(b"[1,"), [record(1, "1"), refused(2, Reason::OpenArray, b"")]);
    assert_eq!(cut(b"["), [refused(1, Reason::OpenArray, b"")]);
    assert_eq!(cut(b"[{\"a\": \"open},{}]"), [refused(1, Reason::OpenArray, b"{\"a\": \"open},{}]")]);
}

#[test]
fn text_after_an_array_is_refused() {
    assert_eq!(cut(b"[1]\n\n{}\n[2]"), [record(1, "1"), refused(2, Reason::AfterArray, b"{}\n[2]")]);
    assert_eq!(cut(b"[]]"), [refused(2, Reason::AfterArray, b"]")]);
}

#[test]
fn utf_16_is_refused_as_a_whole() {
    assert_eq!(cut(b"\xff\xfe{\0}\0"), [refused(1, Reason::Utf16, b"\xff\xfe{\0}\0")]);
    assert_eq!(cut(b"\xfe\xff\0{\0}"), [refused(1, Reason::Utf16, b"\xfe\xff\0{\0}")]);
    assert_eq!(cut(b"\xff\xfe"), [refused(1, Reason::Utf16, b"\xff\xfe")]);
}

#[test]
fn nothing_gives_nothing() {
    for nothing in ["", " ", "\n\n\n", "\u{feff}", "\t\r\n "] {
        assert_eq!(cut(nothing.as_bytes()), [], "{nothing:?}");
    }
}

#[test]
fn a_file_that_breaks_off_gives_what_came_before() {
    let (mut pieces, mut splitter) = (Vec::new(), Splitter::default());
    let mut sink = |piece: Piece<'_>| pieces.push((piece.line, piece.refused, piece.bytes.to_vec()));
    splitter.push(b"{}\n{\"call", &mut sink);
    splitter.refuse(Reason::TruncatedGzip, &mut sink);
    splitter.push(b"raw ", &mut sink);
    splitter.push(b"bytes", &mut sink);
    splitter.finish(&mut sink);
    let cut = Some(Reason::TruncatedGzip);
    assert_eq!(
        pieces,
        [(1, None, b"{}".to_vec()), (2, cut.clone(), b"{\"call".to_vec()), (3, cut, b"raw bytes".to_vec())]
    );
}

/// Files of a few tokens that matter, in every order: however they are cut, nothing is lost and nothing comes twice.
#[test]
fn no_byte_is_lost() {
    let tokens: [&[u8]; 9] = [b"{", b"}", b"[", b"]", b",", b"\"", b"\\", b"\n", b"a "];
    for code in 0..tokens.len().pow(5) {
        let file: Vec<u8> = (0..5).flat_map(|at| tokens[code / tokens.len().pow(at) % tokens.len()]).copied().collect();
        let whole = split(&file, file.len());
        for size in 1..file.len() {
            assert_eq!(split(&file, size), whole, "{} in pieces of {size}", file.escape_ascii());
        }
        let given: usize = whole.iter().map(|piece| count(&piece.3)).sum();
        let array = file.trim_ascii_start().starts_with(b"[");
        // Brackets and commas of the array itself are not given.
        assert!(given == count(&file) || array && given < count(&file), "{}", file.escape_ascii());
    }
}

/// How much of this is not white space.
fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !is_space(**byte)).count()
}

#[test]
fn a_long_record_comes_in_parts_that_are_never_kept_together() {
    let long = vec![b'x'; 10 * 1024 * 1024 + 1];
    for (before, after, other) in [("", "\n{}\n", 2), ("{}\n", "", 1), ("[", ",{}]", 2), ("[{},", "]", 1)] {
        let file = [before.as_bytes(), &long, after.as_bytes()].concat();
        for size in [1_000, 1_048_576, 1_048_577, file.len()] {
            let mut parts = Vec::new();
            let mut records = Vec::new();
            let mut sink = |piece: Piece<'_>| match piece.part {
                Some(part) => {
                    assert_eq!(piece.refused, Some(Reason::TooLarge));
                    assert!(piece.bytes.len() <= PART && piece.bytes.iter().all(|byte| *byte == b'x'));
                    parts.push((part, piece.bytes.len()));
                }
                None => records.push((piece.line, piece.bytes.to_vec())),
            };
            let mut splitter = Splitter::default();
            for bytes in file.chunks(size) {
                splitter.push(bytes, &mut sink);
                assert!(splitter.pending.bytes.capacity() <= 2 * PART, "{}", splitter.pending.bytes.capacity());
            }
            splitter.finish(&mut sink);
            assert_eq!(parts.iter().map(|(part, _)| *part).collect::<Vec<_>>(), (1..=11).collect::<Vec<_>>());
            assert_eq!(parts.iter().map(|(_, length)| length).sum::<usize>(), long.len());
            assert_eq!(records, [(other, b"{}".to_vec())]);
        }
    }
}

#[test]
fn a_record_of_exactly_one_part_is_whole() {
    for (length, parts) in [(PART - 1, 1), (PART, 1), (PART + 1, 2)] {
        let file = [vec![b'x'; length], b"\n".to_vec()].concat();
        for size in [PART / 3, PART, file.len()] {
            assert_eq!(split(&file, size).len(), parts, "{length} bytes in pieces of {size}");
        }
    }
}

#[test]
fn an_array_of_a_million_records_streams() {
    let mut count = 0;
    let mut sink = |piece: Piece<'_>| {
        count += 1;
        assert_eq!((piece.line, piece.refused), (count, None));
        assert_eq!(piece.bytes, br#"{"call_id":"a"}"#);
    };
    let mut splitter = Splitter::default();
    splitter.push(b"[", &mut sink);
    for _ in 1..1_000_000 {
        splitter.push(br#"{"call_id":"a"}, "#, &mut sink);
        assert!(splitter.pending.bytes.len() < 64);
    }
    splitter.push(br#"{"call_id":"a"}]"#, &mut sink);
    splitter.finish(&mut sink);
    assert_eq!(count, 1_000_000);
}
