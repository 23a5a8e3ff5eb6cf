//! What it costs to turn scanners' reports into comment and SARIF: `cargo bench -p lockgate --bench scan`.
//!
//! Four reports with 25,000 findings are generated, with the files that they are about. They are read five times by a process
//! of its own, once alone and once compared with a base of as many findings; CPU time is the least of these, memory the most.
//! The targets: a CPU second, 128 MB, and a SARIF of less than 10 MB as GitHub takes it.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    io::{self, Write as _},
    path::Path,
    process::{Command, ExitCode},
};

use flate2::{Compression, write::GzEncoder};
use lockgate::scan::{
    Base, Files, Folder, Part, Policy, Roots, Scan, Severity, assess, comment,
    report::{cargo_audit, clippy, tfsec, trivy},
    sarif,
};

const RUNS: usize = 5;
const FINDINGS: usize = 25_000;
const FILES: usize = 200;
/// Lines of each generated file.
const LINES: usize = 400;

fn main() -> ExitCode {
    let done = match (env::args().nth(1).as_deref(), env::args().nth(2)) {
        (Some(how @ ("--alone" | "--base")), Some(place)) => one(Path::new(&place), how == "--base"),
        _ => bench(),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            say(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn scan(place: &Path, prefix: &str, files: &dyn Files) -> Result<Scan, Box<dyn Error>> {
    let roots = Roots::new(&["/github/workspace"]);
    let read = |name: &str| fs::read(place.join(format!("{prefix}{name}.json")));
    let lock = files.text("Cargo.lock");
    let parts = [Part::Vulnerabilities, Part::Misconfigurations, Part::Secrets];
    let asked = trivy::Asked { parts: Some(parts.into()), packages: true, image: None };
    let reports = vec![
        cargo_audit::read(&read("cargo-audit")?, "Cargo.lock", lock.as_deref()),
        clippy::read(&read("clippy")?, &roots),
        tfsec::read(&read("tfsec")?, &roots),
        trivy::read(&read("trivy")?, &roots, &asked),
    ];
    Ok(Scan::new(reports, &[], files))
}

/// The work of one run, and what it took: CPU time in milliseconds and peak memory in kB; then what came of it.
fn one(place: &Path, with_base: bool) -> Result<bool, Box<dyn Error>> {
    let files = Folder::new(place)?;
    let head = scan(place, "head-", &files)?;
    let base = if with_base {
        Some(Base { scan: scan(place, "base-", &files)?, files: &(), suppressions: Vec::new() })
    } else {
        None
    };
    let policy = Policy {
        fail_on: Severity::Medium,
        allowed: Default::default(),
        everything: false,
        today: jiff::civil::date(2026, 11, 21),
    };
    let assessment = assess(head, base, Vec::new(), Vec::new(), policy);
    let (text, _) = comment::comment(&assessment, &comment::Context::default(), comment::COMMENT);
    let (summary, _) = comment::summary(&assessment, &comment::Context::default(), comment::SUMMARY);
    let mut out = io::BufWriter::new(fs::File::create(place.join("out.sarif"))?);
    sarif::write(&assessment, "", &mut out)?;
    out.flush()?;
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().replace(" kB", "");
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime are fields 14 and 15, counted from the number of the process; a tick is a hundredth of a second.
    let outcome = assessment.outcome();
    let (total, new) = (outcome.total, outcome.new);
    say(format_args!("{} {peak} {total} {new} {} {}", (ticks(11) + ticks(12)) * 10, text.len(), summary.len()));
    Ok(true)
}

fn bench() -> Result<bool, Box<dyn Error>> {
    let place = env::temp_dir().join(format!("lockgate-scan-bench-{}", std::process::id()));
    fs::create_dir(&place)?;
    let measured = measure(&place);
    fs::remove_dir_all(&place)?;
    measured
}

fn measure(place: &Path) -> Result<bool, Box<dyn Error>> {
    write_files(place)?;
    let mut size = 0;
    for (prefix, shift) in [("head-", 0), ("base-", FINDINGS / 10)] {
        for (name, text) in reports(shift) {
            if prefix == "head-" {
                size += text.len();
            }
            fs::write(place.join(format!("{prefix}{name}.json")), text)?;
        }
    }
    say(format_args!("{FINDINGS} findings in four reports of {:.1} MB", size as f64 / 1e6));
    let mut fine = true;
    for (how, name) in [("--alone", "alone"), ("--base", "with a base of as many")] {
        let (mut least, mut most, mut rest) = (u64::MAX, 0, String::new());
        for _ in 0..RUNS {
            let output = Command::new(env::current_exe()?).arg(how).arg(place).output()?;
            let text = String::from_utf8(output.stdout)?;
            let fields: Vec<u64> = text.split_whitespace().filter_map(|field| field.parse().ok()).collect();
            let [cpu, peak, total, new, comment, summary] = fields[..] else {
                return Err(format!("the run said {text:?}").into());
            };
            (least, most) = (least.min(cpu), most.max(peak));
            rest = format!("{total} merged, {new} new, comment {comment} B, summary {summary} B");
        }
        let sarif = fs::read(place.join("out.sarif"))?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(&sarif)?;
        let gzip = gzip.finish()?.len();
        say(format_args!(
            "{name}: {least} ms CPU, {most} kB peak; {rest}, SARIF {:.1} MB, {:.1} MB gzip",
            sarif.len() as f64 / 1e6,
            gzip as f64 / 1e6
        ));
        fine &= least <= 1_000 && most <= 128 << 10 && gzip < 10_000_000;
    }
    Ok(fine)
}

fn write_files(place: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(place.join("src"))?;
    fs::create_dir_all(place.join("terraform"))?;
    for file in 0..FILES {
        let rust: String =
            (0..LINES).map(|line| format!("    let value_{line} = input_{file}.get({line}).unwrap();\n")).collect();
        fs::write(place.join(format!("src/m{file}.rs")), rust)?;
        let terraform: String = (0..LINES).map(|line| format!("  setting_{line} = \"{file}\"\n")).collect();
        fs::write(place.join(format!("terraform/m{file}.tf")), terraform)?;
    }
    let mut lock = String::from("version = 4\n");
    for package in 0..FINDINGS / 5 {
        lock.push_str(&format!("\n[[package]]\nname = \"crate-{package}\"\nversion = \"1.{package}.0\"\n"));
    }
    fs::write(place.join("Cargo.lock"), lock)?;
    Ok(())
}

/// A fifth advisories of cargo-audit, two fifths lints, a fifth of tfsec, and a fifth of Trivy, half of which tfsec has too.
fn reports(shift: usize) -> BTreeMap<&'static str, String> {
    let fifth = FINDINGS / 5;
    let words = "Some longer words about what may go wrong, why it matters and what to do. ".repeat(6);
    let list =
        |of: &dyn Fn(usize) -> String, count: usize| (shift..shift + count).map(of).collect::<Vec<_>>().join(",\n");
    let audit = list(
        &|n| {
            format!(
                r#"{{"advisory":{{"id":"RUSTSEC-2024-{n:05}","package":"crate-{n}","title":"Fault {n}","description":"{words}","date":"2024-01-01","aliases":["CVE-2024-{n:05}"],"cvss":"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H","informational":null,"url":null}},"versions":{{"patched":[">=2.0.0"],"unaffected":[]}},"affected":null,"package":{{"name":"crate-{n}","version":"1.{n}.0"}}}}"#
            )
        },
        fifth,
    );
    let audit = format!(
        r#"{{"database":{{"advisory-count":900}},"lockfile":{{"dependency-count":{fifth}}},"settings":{{"ignore":[]}},"vulnerabilities":{{"found":true,"count":{fifth},"list":[{audit}]}},"warnings":{{}}}}"#
    );
    let mut lints = String::new();
    for n in shift..shift + fifth * 2 {
        let (file, line) = (n % FILES, n / FILES % LINES + 1);
        lints.push_str(&format!(
            r#"{{"reason":"compiler-message","package_id":"p","target":{{"kind":["lib"]}},"message":{{"rendered":"{words}","children":[{{"children":[],"code":null,"level":"help","message":"for further information visit https://rust-lang.github.io/rust-clippy/master/index.html#unwrap_used","spans":[]}}],"code":{{"code":"clippy::unwrap_used","explanation":null}},"level":"warning","message":"used `unwrap()` on an `Option` value","spans":[{{"byte_end":1,"byte_start":0,"column_end":20,"column_start":5,"expansion":null,"file_name":"src/m{file}.rs","is_primary":true,"line_end":{line},"line_start":{line},"text":[{{"text":"{words}"}}]}}]}}}}"#
        ));
        lints.push('\n');
    }
    lints.push_str("{\"reason\":\"build-finished\",\"success\":true}\n");
    let place = |n: usize| (n % FILES, n / FILES % LINES + 1);
    let tfsec = list(
        &|n| {
            let (file, line) = place(n);
            format!(
                r#"{{"rule_id":"AVD-AWS-{:04}","long_id":"aws-s3-rule","rule_description":"Rule","impact":"{words}","resolution":"Do it","links":[],"description":"Is not","severity":"HIGH","warning":false,"status":0,"resource":"aws_s3_bucket.b{n}","location":{{"filename":"/github/workspace/terraform/m{file}.tf","start_line":{line},"end_line":{line}}}}}"#,
                n % 300
            )
        },
        fifth,
    );
    let misconfigurations = (shift + fifth / 2..shift + fifth + fifth / 2).map(|n| {
        let (file, line) = place(n);
        format!(
            r#"{{"Target":"terraform/m{file}.tf","Class":"config","Type":"terraform","Misconfigurations":[{{"Type":"Terraform","ID":"AWS-{:04}","Title":"Rule","Description":"{words}","Message":"Is not","Resolution":"Do it","Severity":"HIGH","PrimaryURL":"https://avd.aquasec.com/misconfig/aws","Status":"FAIL","CauseMetadata":{{"Resource":"aws_s3_bucket.b{n}","StartLine":{line},"EndLine":{line},"Code":{{"Lines":[{{"Number":1,"Content":"{words}","Highlighted":"\u001b[38m{words}"}}]}}}}}}]}}"#,
            n % 300
        )
    });
    let trivy = misconfigurations.collect::<Vec<_>>().join(",\n");
    let trivy = format!(
        r#"{{"SchemaVersion":2,"ArtifactType":"filesystem","Results":[{{"Target":"Cargo.lock","Class":"lang-pkgs","Packages":[{{"ID":"a@1"}}]}},{trivy}]}}"#
    );
    [("cargo-audit", audit), ("clippy", lints), ("tfsec", format!(r#"{{"results":[{tfsec}]}}"#)), ("trivy", trivy)]
        .into()
}

fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}
