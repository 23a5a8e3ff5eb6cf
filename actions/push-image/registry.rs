//! The calls of a registry that a push needs: <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md>.
//!
//! Why not the crate oci-client: as of 0.18 it asks `/v2/` again for each repository, takes the 202 of a refused mount for
//! an error and loses its `Location`, opens no connection ahead, never compares `Docker-Content-Digest`, drops
//! `Retry-After`, retries nothing, and holds whole layers in memory.

use std::sync::Arc;

use anyhow::anyhow;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, LOCATION, USER_AGENT},
};
use http_body_util::{BodyExt, Empty, Full};
use serde::Deserialize;

use super::{
    connection::{Answer, Body, Pool, Progress},
    location::{Origin, Target},
    trouble::{Patience, Trouble, attempts, retry_after},
};
use crate::{
    failure::Failure,
    oci::{DOCKER, Layout, OCI},
};

/// The header by which a registry tells what it keeps.
const DIGEST: &str = "docker-content-digest";

/// What is asked of a registry, and the right that ECR asks for it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    /// Look whether a manifest is there.
    Look,
    /// Look whether a blob is there.
    Check,
    /// Begin an upload.
    Begin,
    /// Send a blob.
    Upload,
    /// Put a manifest.
    Name,
}

impl Deed {
    fn right(self) -> &'static str {
        match self {
            Self::Look => "ecr:BatchGetImage",
            Self::Check => "ecr:BatchCheckLayerAvailability",
            Self::Begin => "ecr:InitiateLayerUpload",
            Self::Upload => "ecr:UploadLayerPart and ecr:CompleteLayerUpload",
            Self::Name => "ecr:PutImage",
        }
    }
}

/// An upload that was begun.
pub(super) enum Session {
    /// Nothing is to be sent: the blob was mounted from the other repository.
    Mounted,
    /// Where the blob is to be sent.
    Open(Target),
}

/// One registry.
pub(super) struct Registry {
    pub(super) pool: Arc<Pool>,
    pub(super) home: Origin,
    pub(super) authorization: Option<HeaderValue>,
    pub(super) patience: Patience,
}

impl Registry {
    /// The digest of the manifest that a tag or digest names; `None` if there is none, or no such repository.
    pub(super) async fn manifest(&self, repository: &str, reference: &str) -> Result<Option<String>, Failure> {
        let what = format!("the look at {repository}:{reference}");
        attempts(what, &self.patience, async |_| self.look(repository, reference).await).await
    }

    async fn look(&self, repository: &str, reference: &str) -> Result<Option<String>, Trouble> {
        let target = self.at(format!("/v2/{repository}/manifests/{reference}"));
        let accept = [OCI.manifest, DOCKER.manifest, OCI.index, DOCKER.index].join(", ");
        let headers = header(ACCEPT, &accept)?;
        for method in [Method::HEAD, Method::GET] {
            let whole = method == Method::GET;
            let answer = self.ask(Deed::Look, repository, method, &target, headers.clone(), none(), &nothing()).await?;
            match answer.status {
                StatusCode::NOT_FOUND => return Ok(None),
                status if !status.is_success() => return Err(unexpected(&answer, "the look at a manifest")),
                _ => {}
            }
            if let Some(digest) = stated(&answer) {
                return Ok(Some(digest));
            }
            if whole {
                return Ok(Some(crate::oci::digest(&answer.body)));
            }
        }
        Ok(None)
    }

    /// Whether a repository has a blob.
    pub(super) async fn has(&self, repository: &str, digest: &str) -> Result<bool, Failure> {
        let what = format!("the look for {digest} in {repository}");
        attempts(what, &self.patience, async |_| self.check(repository, digest).await).await
    }

    pub(super) async fn check(&self, repository: &str, digest: &str) -> Result<bool, Trouble> {
        let target = self.at(format!("/v2/{repository}/blobs/{digest}"));
        let answer =
            self.ask(Deed::Check, repository, Method::HEAD, &target, HeaderMap::new(), none(), &nothing()).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(false),
            // A registry that keeps blobs elsewhere says where: then it has it.
            status if status.is_success() || status.is_redirection() => Ok(true),
            _ => Err(unexpected(&answer, "the look for a blob")),
        }
    }

    /// Begins an upload, or mounts the blob of that digest from another repository.
    pub(super) async fn begin(&self, repository: &str, mount: Option<(&str, &str)>) -> Result<Session, Trouble> {
        let uploads = self.at(format!("/v2/{repository}/blobs/uploads/"));
        let target = match mount {
            Some((digest, from)) => uploads.clone().with("mount", digest).with("from", from),
            None => uploads.clone(),
        };
        let asked =
            self.ask(Deed::Begin, repository, Method::POST, &target, HeaderMap::new(), none(), &nothing()).await;
        let answer = match (asked, mount) {
            // Who may not mount may still upload.
            (Err(Trouble::Lasting(_)), Some(_)) => return Box::pin(self.begin(repository, None)).await,
            (asked, _) => asked?,
        };
        match (answer.status, mount) {
            (StatusCode::CREATED, Some(_)) => return Ok(Session::Mounted),
            // The specification says 202; some registries say 201.
            (StatusCode::ACCEPTED | StatusCode::CREATED, _) => {}
            (_, Some(_)) => return Box::pin(self.begin(repository, None)).await,
            (StatusCode::NOT_FOUND, None) => return Err(self.absent(repository, &answer)),
            _ => return Err(unexpected(&answer, "the begin of an upload")),
        }
        let location = answer.headers.get(LOCATION).and_then(|location| location.to_str().ok());
        let location = location.ok_or_else(|| Trouble::passing("the registry does not say where to upload to"))?;
        let open = uploads.follow(location).map_err(|error| {
            Trouble::Lasting(Failure::World(anyhow!(
                "the registry sends the upload to {location:?}, which is not followed: {error:#}; report this to whoever \
                 runs {}",
                self.home
            )))
        })?;
        Ok(Session::Open(open))
    }

    /// Puts the manifest under a tag or its digest, and sees that the registry keeps these very bytes.
    pub(super) async fn put_manifest(&self, repository: &str, reference: &str, layout: &Layout) -> Result<(), Failure> {
        let what = format!("the manifest {repository}:{reference}");
        attempts(&what, &self.patience, async |_| {
            let target = self.at(format!("/v2/{repository}/manifests/{reference}"));
            let headers = header(CONTENT_TYPE, &layout.manifest.media_type)?;
            let body = Full::new(Bytes::from(layout.bytes.clone())).map_err(|never| match never {}).boxed_unsync();
            let answer = self.ask(Deed::Name, repository, Method::PUT, &target, headers, body, &nothing()).await?;
            let ours = &layout.manifest.digest;
            let kept = if answer.status.is_success() {
                match stated(&answer) {
                    Some(digest) => Some(digest),
                    None => self.look(repository, reference).await?,
                }
            } else if answer.status == StatusCode::NOT_FOUND {
                return Err(self.absent(repository, &answer));
            } else if reference == ours {
                return Err(unexpected(&answer, &what));
            } else {
                // Somebody may have been faster, with these bytes or with others.
                let Some(theirs) = self.look(repository, reference).await? else {
                    return Err(unexpected(&answer, &what));
                };
                if theirs != *ours {
                    let why = taken(repository, reference, &theirs, ours);
                    return Err(Trouble::Lasting(Failure::Gate(anyhow!("{why} (it answered {})", detail(&answer)))));
                }
                Some(theirs)
            };
            if kept.as_ref() == Some(ours) {
                return Ok(());
            }
            let kept = kept.as_deref().unwrap_or("nothing");
            Err(Trouble::Lasting(Failure::World(anyhow!(
                "the registry keeps {kept} as {repository}:{reference}, where {ours} was sent; do not deploy from it, and \
                 look at what lies between here and {}",
                self.home
            ))))
        })
        .await
    }

    /// One request. What passes and what nobody may do is sorted out here; the rest is the caller's.
    #[expect(clippy::too_many_arguments, reason = "a request has so many parts")]
    pub(super) async fn ask(
        &self,
        deed: Deed,
        repository: &str,
        method: Method,
        target: &Target,
        headers: HeaderMap,
        body: Body,
        progress: &Progress,
    ) -> Result<Answer, Trouble> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = target.path.parse().map_err(Trouble::passing)?;
        *request.headers_mut() = headers;
        request.headers_mut().extend(header(HOST, &target.origin.authority())?);
        request.headers_mut().extend(header(USER_AGENT, concat!("lockgate/", env!("CARGO_PKG_VERSION")))?);
        let ours = target.origin == self.home;
        if let (true, Some(authorization)) = (ours, &self.authorization) {
            request.headers_mut().insert(AUTHORIZATION, authorization.clone());
        }
        let sent = self.pool.send(&target.origin, request, progress).await;
        let answer = sent.map_err(|trouble| match (trouble, deed) {
            (Trouble::Passing { why, wait }, Deed::Begin | Deed::Upload) => {
                let why = format!(
                    "{why} (ECR also breaks the connection when the repository does not exist: see that {repository} does)"
                );
                Trouble::Passing { why, wait }
            }
            (trouble, _) => trouble,
        })?;
        let status = answer.status;
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(later(&answer)),
            _ if status.is_server_error() => Err(later(&answer)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if ours => Err(self.denied(deed, repository, &answer)),
            _ => Ok(answer),
        }
    }

    fn denied(&self, deed: Deed, repository: &str, answer: &Answer) -> Trouble {
        let (home, right) = (&self.home, deed.right());
        let fix = if self.authorization.is_none() {
            "no credentials were sent; only ECR's are known here (and, with AWS_ENDPOINT_URL, an emulator's)".to_owned()
        } else if answer.status == StatusCode::UNAUTHORIZED {
            "the token is not or no longer accepted: run it again, and look whether the registry is the role's"
                .to_owned()
        } else {
            format!("allow the role {right} on the repository {repository}")
        };
        Trouble::Lasting(Failure::World(anyhow!("{home} denies {right} on {repository}: {}; {fix}", detail(answer))))
    }

    fn absent(&self, repository: &str, answer: &Answer) -> Trouble {
        Trouble::Lasting(Failure::World(anyhow!(
            "{} has no repository {repository}: {}; create it (Terraform's `aws_ecr_repository`), or correct --repository",
            self.home,
            detail(answer)
        )))
    }

    fn at(&self, path: String) -> Target {
        Target { origin: self.home.clone(), path }
    }
}

/// Why a tag is not moved.
pub(super) fn taken(repository: &str, tag: &str, theirs: &str, ours: &str) -> String {
    format!(
        "{repository}:{tag} already names {theirs}, this image is {ours}; give it another tag (or, in a repository whose tags \
         may move, --move-tag)"
    )
}

/// An answer that nobody foresaw.
pub(super) fn unexpected(answer: &Answer, what: &str) -> Trouble {
    Trouble::Lasting(Failure::World(anyhow!(
        "the registry answers {what} with {}; look at its log, and run it again",
        detail(answer)
    )))
}

/// An answer that may be another one later.
pub(super) fn later(answer: &Answer) -> Trouble {
    Trouble::Passing { why: format!("the registry answers {}", detail(answer)), wait: retry_after(&answer.headers) }
}

/// The status and what the registry says about it, on one line.
pub(super) fn detail(answer: &Answer) -> String {
    #[derive(Deserialize)]
    struct Errors {
        errors: Vec<Told>,
    }
    #[derive(Deserialize)]
    struct Told {
        code: String,
        #[serde(default)]
        message: String,
    }
    let text = match serde_json::from_slice::<Errors>(&answer.body) {
        Ok(Errors { errors }) => {
            errors.iter().map(|told| format!("{}: {}", told.code, told.message)).collect::<Vec<_>>().join("; ")
        }
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    let status = answer.status.as_u16();
    if line.trim().is_empty() { status.to_string() } else { format!("{status} {}", line.trim()) }
}

/// The digest that an answer states.
pub(super) fn stated(answer: &Answer) -> Option<String> {
    answer.headers.get(DIGEST)?.to_str().ok().map(|digest| digest.trim().to_owned())
}

pub(super) fn header(name: http::HeaderName, value: &str) -> Result<HeaderMap, Trouble> {
    let value = HeaderValue::from_str(value).map_err(Trouble::passing)?;
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn none() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

fn nothing() -> Progress {
    Progress::default()
}
