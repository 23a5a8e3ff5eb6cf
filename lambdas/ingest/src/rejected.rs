//! Hands back what was not stored: one object per file, one JSON line per piece, with its bytes in base64
//! (<https://www.rfc-editor.org/rfc/rfc4648#section-4>). There is no object where nothing was rejected.

use crate::Error;
use crate::file::Rejected;
use crate::landing::Landed;
use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lambda_runtime::tracing;
use serde::Serialize;

/// Before a key, this makes the key of what was rejected of it.
pub const PREFIX: &str = "rejected/";

/// The least size of a part, and so the most that waits in memory but for one line.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html>
const PART: usize = 5 * 1024 * 1024;

const CONTENT_TYPE: &str = "application/x-ndjson";

/// What is rejected of one object, on its way back to the bucket.
#[derive(Debug)]
pub struct Rejections {
    s3: Client,
    bucket: String,
    key: String,
    version_id: Option<String>,
    records: u64,
    buffer: Vec<u8>,
    upload: Option<Upload>,
}

/// What did not fit into one request.
#[derive(Debug)]
struct Upload {
    id: String,
    parts: Vec<CompletedPart>,
}

/// One line of the object.
#[derive(Serialize)]
struct Line<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<u32>,
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    bytes: String,
}

impl Rejections {
    /// Nothing rejected yet.
    #[must_use]
    pub fn new(s3: Client, landed: &Landed) -> Self {
        Self {
            s3,
            bucket: landed.bucket.clone(),
            key: format!("{PREFIX}{}", landed.key),
            version_id: landed.version_id.clone(),
            records: 0,
            buffer: Vec::new(),
            upload: None,
        }
    }

    /// Takes a piece; uploads once enough are together.
    ///
    /// # Errors
    /// [`Error::S3`]
    pub async fn add(&mut self, rejected: &Rejected) -> Result<(), Error> {
        // The parts of a record count as the one that they are.
        self.records += u64::from(rejected.part.is_none_or(|part| part == 1));
        let line = Line {
            line: rejected.line,
            part: rejected.part,
            reason: rejected.reason.to_string(),
            version_id: self.version_id.as_deref(),
            bytes: STANDARD.encode(&rejected.bytes),
        };
        serde_json::to_writer(&mut self.buffer, &line)
            .map_err(|error| Error::S3 { doing: format!("write {}", self.key), reason: error.to_string() })?;
        self.buffer.push(b'\n');
        if self.buffer.len() >= PART { self.send_part().await } else { Ok(()) }
    }

    /// Makes the object visible; how many records were rejected.
    ///
    /// # Errors
    /// [`Error::S3`]
    pub async fn finish(&mut self) -> Result<u64, Error> {
        if self.upload.is_some() {
            self.complete().await?;
        } else if !self.buffer.is_empty() {
            let body = ByteStream::from(std::mem::take(&mut self.buffer));
            let put = self.s3.put_object().bucket(&self.bucket).key(&self.key).content_type(CONTENT_TYPE).body(body);
            put.send().await.map_err(|error| Error::s3(format!("write {}", self.key), &error))?;
        }
        Ok(self.records)
    }

    /// Throws away what was uploaded and is not visible yet.
    pub async fn abort(self) {
        let Some(upload) = self.upload else { return };
        let abort = self.s3.abort_multipart_upload().bucket(&self.bucket).key(&self.key).upload_id(upload.id);
        if let Err(error) = abort.send().await {
            // The bucket's life cycle removes it later.
            tracing::warn!(key = self.key, "{}", Error::s3("abort an upload", &error));
        }
    }

    async fn send_part(&mut self) -> Result<(), Error> {
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let create = self.s3.create_multipart_upload().bucket(&self.bucket).key(&self.key);
                // The SDK sends this check sum with every part; S3 takes it only if it was told from the start.
                let create = create.checksum_algorithm(ChecksumAlgorithm::Crc32);
                let created = create.content_type(CONTENT_TYPE).send().await;
                let created = created.map_err(|error| Error::s3(format!("begin {}", self.key), &error))?;
                none.insert(Upload { id: created.upload_id.unwrap_or_default(), parts: Vec::new() })
            }
        };
        let number = i32::try_from(upload.parts.len() + 1).unwrap_or(i32::MAX);
        let part = self.s3.upload_part().bucket(&self.bucket).key(&self.key).upload_id(&upload.id).part_number(number);
        let sent = part.body(ByteStream::from(std::mem::take(&mut self.buffer))).send().await;
        let sent = sent.map_err(|error| Error::s3(format!("write {}", self.key), &error))?;
        let part =
            CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).set_checksum_crc32(sent.checksum_crc32);
        upload.parts.push(part.build());
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), Error> {
        if !self.buffer.is_empty() {
            self.send_part().await?;
        }
        let Some(upload) = &self.upload else { return Ok(()) };
        let parts = CompletedMultipartUpload::builder().set_parts(Some(upload.parts.clone())).build();
        let complete = self.s3.complete_multipart_upload().bucket(&self.bucket).key(&self.key).upload_id(&upload.id);
        let completed = complete.multipart_upload(parts).send().await;
        completed.map_err(|error| Error::s3(format!("finish {}", self.key), &error))?;
        self.upload = None;
        Ok(())
    }
}
