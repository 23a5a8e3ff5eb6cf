//! What looks like a secret though nothing marks it: by its name, by its shape. Only what is shown goes through here,
//! never what is digested: a guess may be wrong, and may be another one in the next release.

use super::json::Value;

/// Parts of names whose values are hidden.
const NAMES: [&str; 33] = [
    "password", "passwd", "passphrase", "pwd", "secret", "token", "credential", "api_key", "apikey", "access_key",
    "accesskey", "account_key", "private_key", "privatekey", "signing_key", "encryption_key", "shared_key", "ssh_key",
    "auth_key", "authkey", "license_key", "master_key", "connection_string", "connectionstring", "conn_str", "dsn",
    "user_data", "userdata", "authorization", "kubeconfig", "htpasswd", "webhook_url", "session_key",
];
/// Endings that make it the name of something else: an identifier, a rule, a time.
const HARMLESS: [&str; 42] = [
    "_arn", "_arns", "_id", "_ids", "_name", "_names", "_version", "_versions", "_length", "_enabled", "_policy",
    "_policies", "_ttl", "_days", "_hours", "_minutes", "_seconds", "_duration", "_validity", "_count", "_type",
    "_types", "_status", "_rotation", "_algorithm", "_usage", "_spec", "_path", "_endpoint", "_uri", "_required",
    "_prefix", "_source", "_format", "_alias", "_hash", "_units", "_use", "_reset", "_window", "_replace_on_change",
    "_scopes",
];
/// Endings of names whose long random text is no secret.
const DIGESTS: [&str; 16] = [
    "hash", "sha1", "sha256", "sha512", "md5", "etag", "digest", "checksum", "fingerprint", "thumbprint", "certificate",
    "certificate_chain", "certificate_body", "public_key", "id", "arn",
];
/// Beginnings of the well-known tokens.
const TOKENS: [&str; 27] = [
    "AKIA", "ASIA", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xoxa-", "xoxr-",
    "xoxs-", "xapp-", "sk_live_", "rk_live_", "sk-ant-", "sk-proj-", "AIza", "ya29.", "npm_", "pypi-", "hvs.", "dop_v1_",
    "SG.", "AGE-SECRET-KEY-",
];
/// Written inside a longer text, before the secret.
const INSIDE: [&str; 9] = [
    "password=", "pwd=", "accountkey=", "sharedaccesskey=", "secret=", "sig=", "hooks.slack.com/services/", "bearer ",
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
    NAMES.iter().any(|part| name.contains(part)) && !HARMLESS.iter().any(|end| name.ends_with(end))
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
    let token = |from: &str| {
        text.match_indices(from).any(|(at, _)| {
            let free = !text[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
            let run = text[at + from.len()..].bytes().take_while(|b| b.is_ascii_alphanumeric() || b"-_.".contains(b));
            free && run.count() >= 12
        })
    };
    text.contains("PRIVATE KEY-----")
        || TOKENS.iter().any(|from| token(from))
        || jwt(text)
        || address(text)
        || inside(text)
        || (!DIGESTS.iter().any(|end| key.to_ascii_lowercase().ends_with(end)) && random(text))
}

/// Three parts of base64, the first two of JSON.
fn jwt(text: &str) -> bool {
    text.match_indices("eyJ").any(|(at, _)| {
        let mut parts = text[at..].splitn(3, '.');
        parts.next().is_some_and(|p| p.len() >= 10) && parts.next().is_some_and(|p| p.starts_with("eyJ"))
    })
}

/// An address with a user's password in it: `postgres://user:password@host`.
fn address(text: &str) -> bool {
    text.match_indices("://").any(|(at, _)| {
        let rest = &text[at + 3..];
        let host = &rest[..rest.find(['/', '?', '#', ' ', '\n', '"']).unwrap_or(rest.len())];
        host.rsplit_once('@').and_then(|(user, _)| user.split_once(':')).is_some_and(|(_, password)| {
            !password.is_empty() && !password.starts_with("${")
        })
    })
}

fn inside(text: &str) -> bool {
    if !text.contains(['=', '/', ' ']) {
        return false;
    }
    let lower = text.to_ascii_lowercase();
    INSIDE.iter().any(|before| {
        lower.match_indices(before).any(|(at, _)| {
            let rest = &lower[at + before.len()..];
            let length = rest.find([';', '&', ' ', '"', '\'', '\n']).unwrap_or(rest.len());
            length >= 6 && !rest.starts_with("${") && !rest.starts_with("{{")
        })
    })
}

/// A long run of letters and digits that changes between upper, lower and digit as often as random text does.
fn random(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '+' || c == '/' || c == '=')).any(|run| {
        if run.len() < 32 || run.matches('/').count() * 10 > run.len() {
            return false;
        }
        let class = |byte: u8| match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        };
        let bytes = run.as_bytes();
        let count = |wanted| bytes.iter().filter(|byte| class(**byte) == wanted).count();
        let turns = bytes.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count();
        count(0) >= 4 && count(1) >= 4 && count(2) >= 2 && turns * 100 >= bytes.len() * 45
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trap_21_names_of_secrets_are_known_and_names_of_their_neighbours_are_not() {
        for key in ["password", "DB_PASSWORD", "masterPassword", "api-key", "apiKey", "client_secret", "auth_token",
            "user_data", "user_data_base64", "connectionString", "private_key_pem", "SLACK_WEBHOOK_URL", "aws_secret_access_key"]
        {
            assert!(name(key), "{key}");
        }
        for key in ["password_length", "secret_arn", "kms_key_id", "token_validity_units", "description", "key", "tags",
            "hash_key", "range_key", "require_password_reset", "secret_name", "access_key_id", "key_name", "source_code_hash"]
        {
            assert!(!name(key), "{key}");
        }
        assert!(attribute("kubernetes_secret_v1", "data") && attribute("aws_ssm_parameter", "value"));
        assert!(!attribute("aws_lambda_function", "data") && !attribute("kubernetes_secret", "metadata"));
    }

    #[test]
    fn trap_21_shapes_of_secrets_are_known_and_digests_are_not() {
        // Put together here, so that no scanner takes this file for a leak.
        let join = |parts: &[&str]| parts.concat();
        for text in [
            join(&["AK", "IA", "IOSFODNN7EXAMPLE"]),
            join(&["gh", "p_", "16C7e42F292c6912E7710c838347Ae178B4a"]),
            join(&["-----BEGIN RSA ", "PRIVATE KEY-----\nMII"]),
            join(&["postgres://app:", "hunter2", "@db.internal:5432/calls"]),
            join(&["Server=db;User=app;Pass", "word=hunter2hunter;"]),
            join(&["eyJhbGciOiJIUzI1NiJ9.", "eyJzdWIiOiIxMjM0In0.", "c2lnbmF0dXJl"]),
            join(&["wJalrXUtnFEMI", "K7MDENGbPxRfiCY", "EXAMPLEKEY9zQ3x"]),
            join(&["Authorization: Bea", "rer abcdef123456"]),
        ] {
            assert!(shape("setting", &text), "{text}");
        }
        for (key, text) in [
            ("source_code_hash", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg="),
            ("image_uri", "123456789012.dkr.ecr.eu-central-1.amazonaws.com/query@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
            ("role", "arn:aws:iam::123456789012:role/AmazonEC2ContainerRegistryReadOnlyAccess"),
            ("url", "https://example.org/a/b?c=d"),
            ("id", "dbf2a95b-959a-c132-454f-22c3c4428576"),
            ("policy", "AWSLambdaVPCAccessExecutionRoleForEverything2"),
        ] {
            assert!(!shape(key, text), "{text}");
        }
    }
}
