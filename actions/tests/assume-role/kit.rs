//! A job that runs `lockgate assume-role`: its runner, its token service, and an STS that answers as told.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Output},
    sync::Mutex,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;
use stand_ins::{
    oidc::{Issuer, Job},
    scripted::{Answer, Request, Scripted},
};
use tempfile::TempDir;

pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/deploy";
pub(crate) const KEY: &str = "ASIAEXAMPLEKEY";
pub(crate) const SECRET: &str = "example/secret+key";
pub(crate) const TOKEN: &str = "exampleSessionToken==";

/// STS's answer when it agrees (<https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html>).
pub(crate) fn granted(arn: &str) -> Answer {
    given("AssumeRoleWithWebIdentity", arn)
}

/// The same for either way of assuming a role.
pub(crate) fn given(operation: &str, arn: &str) -> Answer {
    Answer::status(200).header("content-type", "text/xml").body(format!(
        "<{operation}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{operation}Result>\
         <Credentials><AccessKeyId>{KEY}</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
         <SessionToken>{TOKEN}</SessionToken><Expiration>2026-11-21T14:00:00Z</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>AROA:x</AssumedRoleId><Arn>{arn}</Arn></AssumedRoleUser>\
         </{operation}Result></{operation}Response>"
    ))
}

/// The role's ARN as STS gives it back.
pub(crate) const ASSUMED: &str = "arn:aws:sts::111122223333:assumed-role/deploy/calls-4711-1";

/// STS's answer when it does not.
pub(crate) fn refused(status: u16, code: &str, message: &str) -> Answer {
    Answer::status(status).header("content-type", "text/xml").body(format!(
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
    ))
}

/// What AWS answers to everyone who is not in a trust policy, whatever the reason.
pub(crate) fn denied() -> Answer {
    refused(403, "AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity")
}

/// An STS that gives these answers in turn.
pub(crate) fn sts(answers: Vec<Answer>) -> Scripted {
    Scripted::list(answers)
}

/// A token service that gives these answers in turn and behind them always a token of one shape.
pub(crate) fn tokens(answers: Vec<Answer>) -> Scripted {
    let answers = Mutex::new(answers.into_iter());
    Scripted::start(move |_| {
        let next = answers.lock().expect("no test panics while it answers").next();
        next.unwrap_or_else(|| Answer::status(200).body(r#"{"value":"e30.e30.c2ln"}"#))
    })
}

/// The token of a request to STS.
pub(crate) fn web_identity(request: &Request) -> String {
    form(request)["WebIdentityToken"].clone()
}

/// The fields of a request to STS.
pub(crate) fn form(request: &Request) -> BTreeMap<String, String> {
    let text = String::from_utf8(request.body.to_vec()).expect("a form");
    let decode = |text: &str| percent(&text.replace('+', " "));
    text.split('&').filter_map(|pair| pair.split_once('=')).map(|(name, value)| (name.into(), decode(value))).collect()
}

fn percent(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two hex digits"));
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// The claims of a token.
pub(crate) fn claims(token: &str) -> Value {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).expect("three parts")).expect("base64url");
    serde_json::from_slice(&payload).expect("claims")
}

/// A job: by default in a runner, for the role [`ROLE`], with neither a token service nor an STS.
pub(crate) struct Runner {
    folder: TempDir,
    arguments: Vec<String>,
    variables: BTreeMap<String, String>,
}

/// What became of it.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Variables for later steps.
    pub(crate) exported: BTreeMap<String, String>,
    pub(crate) outputs: BTreeMap<String, String>,
    pub(crate) summary: String,
}

impl Runner {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut runner = Self { folder, arguments: Vec::new(), variables: BTreeMap::new() };
        for (name, file) in [("GITHUB_ENV", "env"), ("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")] {
            let path = runner.folder.path().join(file).display().to_string();
            runner = runner.with(name, &path);
        }
        runner
            .with("GITHUB_ACTIONS", "true")
            .with("GITHUB_REPOSITORY", "acme/calls")
            .with("GITHUB_RUN_ID", "4711")
            .with("GITHUB_RUN_ATTEMPT", "1")
            .with("INPUT_ROLE", ROLE)
            .with("INPUT_REGION", "eu-central-1")
    }

    /// With tokens that the issuer gives to this job.
    pub(crate) fn job(self, issuer: &Issuer, job: Job) -> Self {
        let grant = issuer.grant(job).expect("a grant");
        grant.variables().into_iter().fold(self, |runner, (name, value)| runner.with(name, value))
    }

    /// With tokens from a scripted service.
    pub(crate) fn tokens(self, service: &Scripted) -> Self {
        self.with("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?api-version=2.0", service.url))
            .with("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-bearer")
    }

    pub(crate) fn sts(self, sts: &Scripted) -> Self {
        self.with("AWS_ENDPOINT_URL_STS", &sts.url)
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.variables.remove(name);
        self
    }

    /// With a file of the job's, whose path becomes a variable.
    pub(crate) fn file(self, name: &str, content: &str) -> Self {
        let path = self.folder.path().join(name.to_lowercase());
        fs::write(&path, content).expect("a file");
        let path = path.display().to_string();
        self.with(name, &path)
    }

    pub(crate) fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn run(self) -> Done {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
        command.arg("assume-role").args(&self.arguments).current_dir(self.folder.path());
        command.env_clear().env("NO_PROXY", "127.0.0.1").envs(&self.variables);
        let Output { status, stdout, stderr } = command.output().expect("lockgate runs");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        let read = |file: &str| fs::read_to_string(self.folder.path().join(file)).unwrap_or_default();
        Done {
            code: status.code().expect("it was not killed"),
            stdout: text(stdout),
            stderr: text(stderr),
            exported: entries(&read("env")),
            outputs: entries(&read("output")),
            summary: read("summary"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// The entries of a runner's file; every one must be a heredoc.
fn entries(text: &str) -> BTreeMap<String, String> {
    let mut entries = BTreeMap::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let (name, delimiter) = line.split_once("<<").expect("trap 3: every value is a heredoc");
        let value: Vec<_> = lines.by_ref().take_while(|line| *line != delimiter).collect();
        entries.insert(name.to_owned(), value.join("\n"));
    }
    entries
}
