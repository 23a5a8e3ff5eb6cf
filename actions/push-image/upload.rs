//! A blob's way into a repository: POST, then one PUT with the whole body, streamed from disk; whatever breaks on the way,
//! it begins anew. Never in chunks: ECR's chunked upload loses them
//! (<https://github.com/aws/containers-roadmap/issues/2831>).

use std::path::Path;

use anyhow::{Context, anyhow};
use bytes::BytesMut;
use futures::stream;
use http::{
    Method, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::{fs::File, io::AsyncReadExt};

use super::{
    connection::{Body, Progress},
    location::Target,
    registry::{Deed, Registry, Session, detail, header, later, stated, unexpected},
    trouble::{Trouble, attempts},
};
use crate::{failure::Failure, oci::Descriptor};

/// The bytes of a file that are in memory at once.
const CHUNK: usize = 256 * 1024;

/// How a blob came into a repository.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    /// From another repository of the registry.
    Mounted,
    /// Sent.
    Sent,
}

impl Registry {
    /// Brings a blob into a repository that lacks it: mounted `from` another one if that works, else sent.
    pub(super) async fn bring(
        &self,
        repository: &str,
        blob: &Descriptor,
        file: &Path,
        from: Option<&str>,
    ) -> Result<Way, Failure> {
        let what = format!("the upload of {} to {repository}", blob.digest);
        attempts(what, &self.patience, async |tried| {
            // The answer to an upload may have been lost, not the upload.
            if tried > 0 && self.check(repository, &blob.digest).await? {
                return Ok(Way::Sent);
            }
            let mount = from.map(|from| (blob.digest.as_str(), from));
            match self.begin(repository, mount).await? {
                Session::Mounted => Ok(Way::Mounted),
                Session::Open(target) => self.put(repository, blob, file, target).await.map(|()| Way::Sent),
            }
        })
        .await
    }

    async fn put(&self, repository: &str, blob: &Descriptor, file: &Path, target: Target) -> Result<(), Trouble> {
        let progress = Progress::default();
        let body = body(file, &progress).await.map_err(|error| Trouble::Lasting(Failure::Usage(error)))?;
        let mut headers = header(CONTENT_TYPE, "application/octet-stream")?;
        headers.insert(CONTENT_LENGTH, blob.size.into());
        let target = target.with("digest", &blob.digest);
        let answer = self.ask(Deed::Upload, repository, Method::PUT, &target, headers, body, &progress).await?;
        let says = |code: &str| answer.body.windows(code.len()).any(|window| window == code.as_bytes());
        match answer.status {
            status if status.is_success() => match stated(&answer) {
                Some(digest) if digest != blob.digest => Err(Trouble::Lasting(Failure::World(anyhow!(
                    "the registry keeps {digest} in {repository}, where {} was sent; do not deploy from it",
                    blob.digest
                )))),
                _ => Ok(()),
            },
            StatusCode::NOT_FOUND if says("NAME_UNKNOWN") => Err(unexpected(&answer, "the upload of a blob")),
            // The session is spent: what it holds is not what the registry expects. A new one starts from nothing.
            StatusCode::RANGE_NOT_SATISFIABLE | StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => {
                Err(Trouble::passing(format_args!("the registry answers {}, so it begins anew", detail(&answer))))
            }
            // Where another host keeps blobs, its permission to write may have run out.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(later(&answer)),
            _ => Err(unexpected(&answer, "the upload of a blob")),
        }
    }
}

async fn body(file: &Path, progress: &Progress) -> anyhow::Result<Body> {
    let open = File::open(file).await.with_context(|| format!("{} cannot be read", file.display()))?;
    let progress = progress.clone();
    let frames = stream::try_unfold((open, progress), async |(mut file, progress)| {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let length = file.read_buf(&mut chunk).await?;
        progress.add(length);
        Ok((length > 0).then(|| (Frame::data(chunk.freeze()), (file, progress))))
    });
    Ok(StreamBody::new(frames).boxed_unsync())
}
