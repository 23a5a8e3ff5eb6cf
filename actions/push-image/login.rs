//! What a registry takes for authorization: for ECR, and for an emulator of it, a token that AWS gives
//! (<https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html>).

use anyhow::{Context, anyhow};
use aws_config::{Region, SdkConfig};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{location::Origin, reference::Ecr};
use crate::{
    aws,
    failure::{Blame, Failure},
    runner,
    secret::Secret,
};

/// Who pushes.
#[derive(Clone, Debug)]
pub enum Login {
    /// Nobody: a registry that asks for no credentials.
    Anonymous,
    /// This header `Authorization`, as `Basic <base64 of user:password>`.
    Header(Secret),
    /// Whoever these settings stand for. ECR is asked in the registry's own region; a registry that is not ECR is given
    /// nothing, unless the settings name an endpoint (an emulator) and the registry is at the same place.
    Aws(Box<SdkConfig>),
}

impl Login {
    /// The header for this registry.
    ///
    /// # Errors
    /// [`Failure::World`] if AWS gives no token.
    pub(super) async fn authorization(&self, registry: &str) -> Result<Option<Secret>, Failure> {
        match self {
            Self::Anonymous => Ok(None),
            Self::Header(header) => Ok(Some(header.clone())),
            Self::Aws(config) => token(config, registry).await,
        }
    }
}

async fn token(config: &SdkConfig, registry: &str) -> Result<Option<Secret>, Failure> {
    let ecr = Ecr::parse(registry);
    let mut settings = aws_sdk_ecr::config::Builder::from(config);
    match (&ecr, emulator(config)) {
        (Some(ecr), _) => settings = settings.region(Region::new(ecr.region.to_owned())),
        (None, Some(_)) => {}
        (None, None) => return Ok(None),
    }
    let call = aws_sdk_ecr::Client::from_conf(settings.build()).get_authorization_token().send().await;
    let answer = call.map_err(|error| {
        let fix = if aws::is(&error, "AccessDeniedException") {
            "allow the role `ecr:GetAuthorizationToken` on `*`"
        } else {
            "run `lockgate assume-role` before, and look at the region and the network"
        };
        Failure::World(anyhow!("no token for {registry}: ecr:GetAuthorizationToken: {}; {fix}", aws::explain(&error)))
    })?;
    let data = answer.authorization_data.unwrap_or_default().into_iter().next();
    let data = data.with_context(|| format!("ECR's answer holds no token for {registry}")).world()?;
    let token =
        data.authorization_token.with_context(|| format!("ECR's answer holds no token for {registry}")).world()?;
    let token = Secret::new(token);
    runner::mask(&token);
    if let Some((_, password)) = decoded(&token).as_deref().and_then(|text| text.split_once(':')) {
        runner::mask(&Secret::new(password));
    }
    let proxy = data.proxy_endpoint.unwrap_or_default();
    let proxy = proxy.split_once("://").map_or(proxy.as_str(), |(_, rest)| rest).trim_end_matches('/');
    let same = match &ecr {
        // Another account's registry takes the caller's token too; another region's or partition's does not.
        Some(ecr) => Ecr::parse(proxy).is_some_and(|own| (own.region, own.domain) == (ecr.region, ecr.domain)),
        None => proxy == registry || emulator(config).is_some_and(|endpoint| serves(&endpoint, registry)),
    };
    if same {
        return Ok(Some(Secret::new(format!("Basic {}", token.expose()))));
    }
    if ecr.is_none() {
        runner::say(format_args!(
            "{registry} is neither ECR nor where AWS_ENDPOINT_URL points: it gets no credentials"
        ));
        return Ok(None);
    }
    Err(Failure::Usage(anyhow!(
        "AWS gives a token for {proxy}, which is in another region or partition than {registry}; correct --repository"
    )))
}

/// The endpoint that replaces AWS, if there is one.
fn emulator(config: &SdkConfig) -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value: &String| !value.is_empty());
    config.endpoint_url().map(ToOwned::to_owned).or_else(|| variable("AWS_ENDPOINT_URL_ECR"))
}

/// Whether registry and endpoint are at one place.
fn serves(endpoint: &str, registry: &str) -> bool {
    let authority = endpoint.split_once("://").map_or(endpoint, |(_, rest)| rest).split('/').next().unwrap_or_default();
    let (one, other) = (Origin::registry(authority), Origin::registry(registry));
    one.is_ok_and(|one| other.is_ok_and(|other| (one.host, one.port) == (other.host, other.port)))
}

fn decoded(token: &Secret) -> Option<String> {
    String::from_utf8(STANDARD.decode(token.expose()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emulators_token_goes_to_the_emulator_alone() {
        assert!(serves("http://127.0.0.1:4566", "127.0.0.1:4566"));
        assert!(serves("http://localhost:4566/", "localhost:4566"));
        for other in ["127.0.0.1:4567", "localhost:4566", "registry.example:4566"] {
            assert!(!serves("http://127.0.0.1:4566", other), "{other}");
        }
    }
}
