//! What looks like a secret though nothing marks it: by its name, by its shape. Only what is shown goes through here,
//! never what is digested: a guess may be wrong, and may be another one in the next release.

use super::json::Value;

/// Parts of names whose values are hidden.
const NAMES: [&str; 33] = [
    "password",
    "passwd",
    "passphrase",
    "pwd",
    "secret",
    "token",
    "credential",
    "api_key",
    "apikey",
    "access_key",
    "accesskey",
    "account_key",
    "private_key",
    "privatekey",
    "signing_key",
    "encryption_key",
    "shared_key",
    "ssh_key",
    "auth_key",
    "authkey",
    "license_key",
    "master_key",
    "connection_string",
    "connectionstring",
    "conn_str",
    "dsn",
    "user_data",
    "userdata",
    "authorization",
    "kubeconfig",
    "htpasswd",
    "webhook_url",
    "session_key",
];
/// Endings that make it the name of something else: an identifier, a rule, a time.
const HARMLESS: [&str; 42] = [
    "_arn",
    "_arns",
    "_id",
    "_ids",
    "_name",
    "_names",
    "_version",
    "_versions",
    "_length",
    "_enabled",
    "_policy",
    "_policies",
    "_ttl",
    "_days",
    "_hours",
    "_minutes",
    "_seconds",
    "_duration",
    "_validity",
    "_count",
    "_type",
    "_types",
    "_status",
    "_rotation",
    "_algorithm",
    "_usage",
    "_spec",
    "_path",
    "_endpoint",
    "_uri",
    "_required",
    "_prefix",
    "_source",
    "_format",
    "_alias",
    "_hash",
    "_units",
    "_use",
    "_reset",
    "_window",
    "_replace_on_change",
    "_scopes",
];
/// Endings of names whose long random text is no secret.
const DIGESTS: [&str; 16] = [
    "hash",
    "sha1",
    "sha256",
    "sha512",
    "md5",
    "etag",
    "digest",
    "checksum",
    "fingerprint",
    "thumbprint",
    "certificate",
    "certificate_chain",
    "certificate_body",
    "public_key",
    "id",
    "arn",
];
/// Beginnings of the well-known tokens.
const TOKENS: [&str; 27] = [
    "AKIA",
    "ASIA",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "xoxa-",
    "xoxr-",
    "xoxs-",
    "xapp-",
    "sk_live_",
    "rk_live_",
    "sk-ant-",
    "sk-proj-",
    "AIza",
    "ya29.",
    "npm_",
    "pypi-",
    "hvs.",
    "dop_v1_",
    "SG.",
    "AGE-SECRET-KEY-",
];
/// Written inside a longer text, before the secret.
const INSIDE: [&str; 9] = [
    "password=",
    "pwd=",
    "accountkey=",
    "sharedaccesskey=",
    "secret=",
    "sig=",
    "hooks.slack.com/services/",
    "bearer ",
    "client_secret=",
];

/// Whether a value under this name is hidden whatever it is.
pub(super) fn name(key: &str) -> bool {
    let mut name = String::with_capacity(key.len() + 4);
    let mut lower = false;
    for c in key.chars() {
        if c.is_ascii_uppercase() && lower {
            name.push('_');
        }
        lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        name.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    let holds = places(name.as_bytes(), &NAME_STARTS).any(|at| NAMES.iter().any(|part| name[at..].starts_with(part)));
    holds && !HARMLESS.iter().any(|end| name.ends_with(end))
}

/// A bit for each pair of bytes: nearly every place of a text is passed over by this alone.
type Pairs = [u64; 1024];

/// The pairs that words begin with, in lower and upper case if `cases`.
const fn starts<const N: usize>(mut pairs: Pairs, words: &[&str; N], cases: bool) -> Pairs {
    let mut word = 0;
    while word < N {
        let (one, two) = (words[word].as_bytes()[0], words[word].as_bytes()[1]);
        let mut case = 0;
        while case < if cases { 4 } else { 1 } {
            let first = if case & 1 == 1 { one.to_ascii_uppercase() } else { one };
            let second = if case & 2 == 2 { two.to_ascii_uppercase() } else { two };
            let pair = (first as usize) << 8 | second as usize;
            pairs[pair >> 6] |= 1 << (pair & 63);
            case += 1;
        }
        word += 1;
    }
    pairs
}

static NAME_STARTS: Pairs = starts([0; 1024], &NAMES, false);
static SHAPE_STARTS: Pairs =
    starts(starts(starts([0; 1024], &TOKENS, false), &INSIDE, true), &["eyJ", "://", "PRIVATE"], false);

/// Where one of the pairs stands. Always between two characters: the pairs are ASCII.
fn places<'t>(bytes: &'t [u8], pairs: &'static Pairs) -> impl Iterator<Item = usize> + 't {
    bytes.windows(2).enumerate().filter_map(move |(at, pair)| {
        let pair = usize::from(pair[0]) << 8 | usize::from(pair[1]);
        (pairs[pair >> 6] & 1 << (pair & 63) != 0).then_some(at)
    })
}

/// Whether a resource of this type holds secrets under this top-level attribute.
pub(super) fn attribute(kind: &str, key: &str) -> bool {
    let holder = kind.contains("secret") || kind.contains("password") || kind == "aws_ssm_parameter";
    let holds = ["data", "binary_data", "string_data", "value", "insecure_value", "secret_data", "result", "plaintext"];
    holder && holds.contains(&key)
}

/// Whether the object is a setting, `{name: …, value: …}`, with a name as of a secret.
pub(super) fn setting(object: &Value<'_>) -> bool {
    ["name", "key"].iter().any(|key| object.get(key).text().is_some_and(name)) && object.find("value").is_some()
}

/// Whether the text itself looks like a secret; `key` is the name it stands under.
pub(super) fn shape(key: &str, text: &str) -> bool {
    if text.len() < 12 {
        return false;
    }
    places(text.as_bytes(), &SHAPE_STARTS).any(|at| {
        let rest = &text[at..];
        let free = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        rest.starts_with("PRIVATE KEY-----")
            || (free && TOKENS.iter().any(|from| token(rest, from)))
            || jwt(rest)
            || address(rest)
            || INSIDE.iter().any(|before| inside(rest, before))
    }) || (text.len() >= 32 && random(text) && !DIGESTS.iter().any(|end| key.to_ascii_lowercase().ends_with(end)))
}

fn token(text: &str, from: &str) -> bool {
    let run = text
        .strip_prefix(from)
        .map(|rest| rest.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte)).count());
    run.is_some_and(|run| run >= 12)
}

/// Three parts of base64, the first two of JSON.
fn jwt(text: &str) -> bool {
    let mut parts = text.splitn(3, '.');
    text.starts_with("eyJ")
        && parts.next().is_some_and(|part| part.len() >= 10)
        && parts.next().is_some_and(|part| part.starts_with("eyJ"))
}

/// An address with a user's password in it: `postgres://user:password@host`, from the colon on.
fn address(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("://") else { return false };
    let host = &rest[..rest.find(['/', '?', '#', ' ', '\n', '"']).unwrap_or(rest.len())];
    let password = host.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).map(|(_, password)| password);
    password.is_some_and(|password| !password.is_empty() && !password.starts_with("${"))
}

fn inside(text: &str, before: &str) -> bool {
    let start = text.as_bytes().get(..before.len());
    if !start.is_some_and(|start| start.eq_ignore_ascii_case(before.as_bytes())) {
        return false;
    }
    let rest = &text[before.len()..];
    let length = rest.find([';', '&', ' ', '"', '\'', '\n']).unwrap_or(rest.len());
    length >= 6 && !rest.starts_with("${") && !rest.starts_with("{{")
}

/// A long run of letters and digits that changes between upper, lower and digit as often as random text does.
fn random(text: &str) -> bool {
    text.as_bytes().split(|byte| !(byte.is_ascii_alphanumeric() || b"+/=".contains(byte))).any(|bytes| {
        if bytes.len() < 32 || bytes.iter().filter(|byte| **byte == b'/').count() * 10 > bytes.len() {
            return false;
        }
        let class = |byte: u8| match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        };
        let count = |wanted| bytes.iter().filter(|byte| class(**byte) == wanted).count();
        let turns = bytes.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
        count(0) >= 4 && count(1) >= 4 && count(2) >= 2 && turns * 100 >= bytes.len() * 45
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plan_trap_21_names_of_secrets_are_known_and_names_of_their_neighbours_are_not() {
        for key in [
            "password",
            "DB_PASSWORD",
            "masterPassword",
            "api-key",
            "apiKey",
            "client_secret",
            "auth_token",
            "user_data",
            "user_data_base64",
            "connectionString",
            "private_key_pem",
            "SLACK_WEBHOOK_URL",
            "aws_secret_access_key",
        ] {
            assert!(name(key), "{key}");
        }
        for key in [
            "password_length",
            "secret_arn",
            "kms_key_id",
            "token_validity_units",
            "description",
            "key",
            "tags",
            "hash_key",
            "range_key",
            "require_password_reset",
            "secret_name",
            "access_key_id",
            "key_name",
            "source_code_hash",
        ] {
            assert!(!name(key), "{key}");
        }
        assert!(attribute("kubernetes_secret_v1", "data") && attribute("aws_ssm_parameter", "value"));
        assert!(!attribute("aws_lambda_function", "data") && !attribute("kubernetes_secret", "metadata"));
    }

    #[test]
    fn plan_trap_21_shapes_of_secrets_are_known_and_digests_are_not() {
        // Put together here, so that no scanner takes this file for a leak.
        let join = |parts: &[&str]| parts.concat();
        for text in [
            join(&["AK", "IA", "IOSFODNN7EXAMPLE"]),
            join(&["gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a"]),
            join(&["-----BEGIN RSA ", "PRIVATE KEY-----\nMII"]),
            join(&["postgres://app:", "hunter2", "@db.internal:5432/calls"]),
            join(&["Server=db;User=app;Pass", "word=hunter2hunter;"]),
            join(&["eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0In0.", "c2lnbmF0dXJl"]),
            join(&["wJalrXUt4FEMI", "K7MD3NGbPxRfiCY", "zX4mPl3kEy9zQ3x"]),
            join(&["Authorization: Bea", "rer abcdef123456"]),
        ] {
            assert!(shape("setting", &text), "{text}");
        }
        for (key, text) in [
            ("source_code_hash", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="),
            (
                "image_uri",
                "123456789012.dkr.ecr.eu-central-1.amazonaws.com/query@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            ),
            ("role", "arn:aws:iam::123456789012:role/AmazonEC2ContainerRegistryReadOnlyAccess"),
            ("url", "https://example.org/a/b?c=d"),
            ("id", "dbf2a95b-959a-c132-454f-22c3c4428576"),
            ("policy", "AWSLambdaVPCAccessExecutionRoleForEverything2"),
        ] {
            assert!(!shape(key, text), "{text}");
        }
    }
}
