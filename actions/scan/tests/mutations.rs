//! Real reports, cut and changed at random: nothing panics, no comment is too long or breaks out, every SARIF fits. The body
//! for each format is a plain function, fit for a fuzzer too.

use super::{reading::READERS, *};

/// What must hold of any input whatever, of each format.
pub(super) fn body(read: fn(&[u8]) -> Result<Report, NotScanned>, input: &[u8]) {
    let report = read(input);
    if let Ok(report) = &report {
        assert!(!report.scanned.is_empty() || !report.not_scanned.is_empty(), "neither scanned nor not");
    }
    let head = Scan::new([report], &[], &files);
    let entries = suppress(
        "[[suppression]]\nid = \"*\"\npath = \"terraform/\"\nreason = \"r\"\nowner = \"o\"\nexpires = 2027-01-31\n",
    );
    let assessment = assess(head, base(found(vec![])), entries, vec![], policy());
    for most in [0, comment::COMMENT] {
        let text = comment::comment(&assessment, &context(), most).0;
        assert!(text.encode_utf16().count() <= most.max(4_000));
        assert_eq!(markdown::wrong(&text), None, "{text}");
    }
    // Of what is no report there is nothing more to say.
    if assessment.head.ran.is_empty() && assessment.verdicts.is_empty() {
        return;
    }
    let summary = comment::summary(&assessment, &context(), comment::SUMMARY).0;
    assert!(summary.len() <= comment::SUMMARY);
    assert_eq!(markdown::wrong(&summary), None, "{summary}");
    super::sarif::fits(&sarif_of(&assessment));
    assert!(annotations::annotations(&assessment).len() <= annotations::MOST);
    let same = assess(assessment.head.clone(), base(assessment.head.clone()), vec![], vec![], policy());
    assert_eq!((same.outcome().new, same.outcome().fixed), (0, 0), "a commit brings nothing new against itself");
}

/// Random numbers that are the same in every run (xorshift64*, <https://doi.org/10.18637/jss.v008.i14>).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % below.max(1)
    }
}

const HOSTILE: [&str; 16] = [
    "```",
    "~~~",
    "</details>",
    "<!-- -->",
    "@org/team",
    "a|b",
    "](http://evil)",
    "\\n",
    "\\u001b[31m",
    "\\u202e",
    "::error::",
    "##[group]",
    "null",
    "1e999",
    "\\\"",
    "../../",
];

/// The beginning of a text's inside, from there on: behind a quote that opens and stands after a colon.
fn opening(json: &[u8], from: usize) -> Option<usize> {
    let rest = json.get(from..)?;
    rest.windows(2)
        .position(|pair| pair == b":\"")
        .map(|at| from + at + 2)
        .or_else(|| rest.windows(3).position(|pair| pair == b": \"").map(|at| from + at + 3))
}

fn mutate(text: &[u8], dice: &mut Dice) -> Vec<u8> {
    let mut out = text.to_vec();
    // Half of them stay JSON: only texts change.
    let gentle = dice.roll(2) == 0;
    for _ in 0..=dice.roll(3) {
        let at = dice.roll(out.len());
        match if gentle { 5 } else { dice.roll(6) } {
            0 => out.truncate(at),
            1 => drop(out.drain(..at)),
            2 => {
                let to = (at + dice.roll(200)).min(out.len());
                drop(out.drain(at..to));
            }
            3 => {
                let to = (at + dice.roll(400)).min(out.len());
                let piece = out[at..to].to_vec();
                let into = dice.roll(out.len());
                out.splice(into..into, piece);
            }
            4 if !out.is_empty() => out[at] = dice.roll(256) as u8,
            _ => {
                let piece = HOSTILE[dice.roll(HOSTILE.len())];
                let start = opening(&out, at).unwrap_or(out.len());
                out.splice(start..start, piece.bytes());
            }
        }
    }
    out
}

fn many(index: usize, times: usize) {
    let (name, read, whole) = READERS[index];
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (index as u64 + 1));
    let mut readable = 0;
    for _ in 0..times {
        let input = mutate(whole.as_bytes(), &mut dice);
        readable += usize::from(read(&input).is_ok());
        body(read, &input);
    }
    assert!(readable > times / 10, "{name}: only {readable} of {times} were reports");
}

#[test]
fn ten_thousand_mutations_of_reports_cargo_audit() {
    many(0, 2_500);
}

#[test]
fn ten_thousand_mutations_of_reports_clippy() {
    many(1, 2_500);
}

#[test]
fn ten_thousand_mutations_of_reports_tfsec() {
    many(2, 2_500);
}

#[test]
fn ten_thousand_mutations_of_reports_trivy() {
    many(3, 2_500);
}

#[test]
fn what_is_no_report_at_all_is_survived() {
    for (_, read, whole) in READERS {
        for input in [
            &b"\xff\xfe{\0}"[..],
            b"{",
            b"[",
            b"[[[[",
            b"{\"a\":",
            b"{}{}",
            b"\xef\xbb\xbf\xef\xbb\xbf{}",
            &[b'['; 100_000],
            &[b'{'; 1_000],
        ] {
            body(read, input);
        }
        for (_, _, other) in READERS {
            if other != whole {
                body(read, other.as_bytes());
            }
        }
    }
}
