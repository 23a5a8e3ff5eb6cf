//! What it costs to turn a plan into comment, summary and record: `cargo bench -p lockgate --bench plan`.
//!
//! A plan of 10,002 resources in 49 MB is generated, one of a tenth of it, and the large one with a prior state of 500 MB.
//! Each is read five times by a process of its own, which does nothing else; CPU time is the least of these, memory the
//! most. The targets, without the record: a CPU second and 32 MB, not more than 11 times the time for 10 times the
//! resources, and no more memory for the prior state.

use std::{
    env,
    error::Error,
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use lockgate::plan::{self, Options, Recorder, comment};

const RUNS: usize = 5;

fn main() -> ExitCode {
    let done = match env::args().nth(1).as_deref() {
        Some("--read" | "--record") => env::args()
            .nth(2)
            .ok_or_else(|| "which plan?".into())
            .and_then(|file| read(Path::new(&file), env::args().nth(1).as_deref() == Some("--record"))),
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

/// The work of one run, and what it took: CPU time in milliseconds and peak memory in kB.
fn read(file: &Path, record: bool) -> Result<bool, Box<dyn Error>> {
    let place = file.with_extension("lines");
    let mut store = File::options().read(true).write(true).create(true).truncate(true).open(&place)?;
    let mut recorder = if record { Recorder::storing(&mut store) } else { Recorder::digest_only() };
    let plan = plan::read(File::open(file)?, &Options::default(), &mut recorder)?;
    let context = comment::Context { root: Some("terraform/environments/staging".to_owned()), ..Default::default() };
    let (text, _) = comment::comment(&plan, &context, comment::COMMENT);
    let (summary, _) = comment::summary(&plan, &context, comment::SUMMARY);
    if record {
        recorder.write(&plan, &mut BufWriter::new(File::create(file.with_extension("record"))?))?;
    }
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB").trim().replace(" kB", "");
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0);
    // utime and stime are fields 14 and 15, counted from the number of the process; a tick is a hundredth of a second.
    say(format_args!("{} {peak} {} {}", (ticks(11) + ticks(12)) * 10, text.len(), summary.len()));
    Ok(true)
}

fn bench() -> Result<bool, Box<dyn Error>> {
    let place = env::temp_dir().join(format!("lockgate-plan-bench-{}", std::process::id()));
    fs::create_dir(&place)?;
    let measured = measure(&place);
    fs::remove_dir_all(&place)?;
    measured
}

fn measure(place: &Path) -> Result<bool, Box<dyn Error>> {
    let mut rows = Vec::new();
    let plans = [
        ("1k", 1_000, 0, "--read"),
        ("10k", 10_002, 0, "--read"),
        ("10k and 500 MB of state", 10_002, 500 << 20, "--read"),
        ("10k with the record", 10_002, 0, "--record"),
    ];
    for (name, resources, padding, how) in plans {
        let file = place.join("plan.json");
        generate(&file, resources, padding)?;
        let (mut least, mut most) = (u64::MAX, 0);
        for _ in 0..RUNS {
            let output = Command::new(env::current_exe()?).arg(how).arg(&file).output()?;
            let text = String::from_utf8(output.stdout)?;
            let mut fields = text.split_whitespace().filter_map(|field| field.parse::<u64>().ok());
            let (Some(cpu), Some(peak)) = (fields.next(), fields.next()) else {
                return Err("the run said nothing".into());
            };
            (least, most) = (least.min(cpu), most.max(peak));
        }
        say(format_args!("{name}: {} MB, {least} ms CPU, {most} kB peak", fs::metadata(&file)?.len() >> 20));
        rows.push((least, most));
    }
    let [(small, _), (large, peak), (_, padded), _] = rows[..] else { return Err("four rows".into()) };
    let ratio = large as f64 / small.max(1) as f64;
    say(format_args!("t(10k)/t(1k) = {ratio:.1}; the state adds {} kB", padded.saturating_sub(peak)));
    Ok(large <= 1_000 && peak <= 32 << 10 && ratio <= 11.0 && padded <= peak + 1_024)
}

/// A plan as Terraform prints it: planned values first, then the changes, each of some 2.5 kB.
fn generate(file: &PathBuf, resources: usize, padding: usize) -> Result<(), Box<dyn Error>> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    write!(
        out,
        r#"{{"format_version":"1.2","terraform_version":"1.11.4","variables":{{"pw":{{"value":"hunter2-supersecret"}}}},"#
    )?;
    write!(out, r#""planned_values":{{"root_module":{{"resources":["#)?;
    for n in 0..resources {
        let comma = if n > 0 { "," } else { "" };
        write!(out, r#"{comma}{{"address":"terraform_data.r[\"k{n}\"]","values":{{"input":{}}}}}"#, value(n))?;
    }
    write!(out, r#"]}}}},"resource_changes":["#)?;
    for n in 0..resources {
        let comma = if n > 0 { "," } else { "" };
        let marks = [r#"{"cidr":[false]}"#; 10].join(",");
        let marks = format!(r#"{{"ports":[{marks}],"tags":{{}}}}"#);
        write!(
            out,
            r#"{comma}{{"address":"terraform_data.r{}[\"k{}\"]","mode":"managed","type":"terraform_data","name":"r{}","index":"k{}","provider_name":"terraform.io/builtin/terraform","change":{{"actions":["create"],"before":null,"after":{{"input":{},"triggers_replace":null}},"after_unknown":{{"id":true,"input":{marks},"output":true}},"before_sensitive":false,"after_sensitive":{{"input":{marks},"output":{{}}}}}}}}"#,
            n / 200,
            n % 200,
            n / 200,
            n % 200,
            value(n)
        )?;
    }
    write!(out, r#"],"prior_state":{{"format_version":"1.0","values":["#)?;
    let block = format!(r#"{{"address":"aws_x.y","values":{{"text":"{}"}}}}"#, "lorem ipsum ".repeat(80));
    for n in 0..padding / (block.len() + 1) {
        write!(out, "{}{block}", if n > 0 { "," } else { "" })?;
    }
    write!(
        out,
        r#"]}},"configuration":{{}},"timestamp":"2026-11-21T00:04:27Z","applyable":true,"complete":true,"errored":false}}"#
    )?;
    out.flush()?;
    Ok(())
}

fn value(n: usize) -> String {
    let (block, key) = (n / 200, n % 200);
    let statements: Vec<String> = (0..6)
        .map(|s| format!(r#"{{\"Action\":[\"s3:GetObject\",\"s3:PutObject\"],\"Effect\":\"Allow\",\"Resource\":\"arn:aws:s3:::bucket-{block}-k{key}-{s}/*\"}}"#))
        .collect();
    let ports: Vec<String> = (0..10)
        .map(|p| {
            format!(r#"{{"cidr":["10.{p}.0.0/16"],"description":"rule {p} for k{key}","from":{p},"to":{}}}"#, p + 100)
        })
        .collect();
    let tags: Vec<String> = (0..12).map(|t| format!(r#""tag-{t}":"value-{t}-k{key}""#)).collect();
    format!(
        r#"{{"name":"resource-{block}-k{key}","policy":"{{\"Statement\":[{}],\"Version\":\"2012-10-17\"}}","ports":[{}],"tags":{{{}}}}}"#,
        statements.join(","),
        ports.join(","),
        tags.join(",")
    )
}

fn say(text: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{text}");
}
