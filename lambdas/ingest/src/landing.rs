//! What S3 tells about a landed object, and the way to its bytes.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>

use crate::Error;
use aws_lambda_events::s3::S3EventRecord;
use aws_sdk_s3::Client;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::get_object::{GetObjectError, GetObjectOutput};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

/// Objects under another prefix are none of ours.
pub const PREFIX: &str = "calls/";

/// One version of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landed {
    /// The bucket's name.
    pub bucket: String,
    /// The object's key, decoded.
    pub key: String,
    /// The version that the event is about; none where the bucket is not versioned.
    pub version_id: Option<String>,
    /// S3's order of the events of one key.
    pub sequencer: String,
}

/// The objects that an event is about.
///
/// # Errors
/// [`Error::Event`] if it is no event of S3. The one that S3 sends when notifications are set up is about none.
pub fn read_event(payload: &str) -> Result<Vec<Landed>, Error> {
    let event: Event = serde_json::from_str(payload).map_err(|error| Error::Event(error.to_string()))?;
    match (event.records, event.name.as_deref()) {
        (Some(records), _) => records.into_iter().map(Landed::read).collect(),
        (None, Some("s3:TestEvent")) => Ok(Vec::new()),
        (None, _) => Err(Error::Event("it has no Records".to_owned())),
    }
}

/// The event as a whole; its records alone tell a test event apart.
#[derive(Deserialize)]
struct Event {
    #[serde(rename = "Records")]
    records: Option<Vec<S3EventRecord>>,
    #[serde(rename = "Event")]
    name: Option<String>,
}

impl Landed {
    fn read(record: S3EventRecord) -> Result<Self, Error> {
        let missing = |what: &str| Error::Event(format!("a record has no {what}"));
        let object = record.s3.object;
        let key = object.key.ok_or_else(|| missing("object key"))?.replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8();
        Ok(Self {
            bucket: record.s3.bucket.name.ok_or_else(|| missing("bucket name"))?,
            key: key.map_err(|error| Error::Event(format!("an object key is not UTF-8: {error}")))?.into_owned(),
            version_id: object.version_id,
            sequencer: object.sequencer.unwrap_or_default(),
        })
    }

    /// Opens the object for streaming, in exactly this version.
    ///
    /// # Errors
    /// [`Error::ObjectGone`] if there is no such version any more, else [`Error::S3`].
    pub async fn open(&self, s3: &Client) -> Result<GetObjectOutput, Error> {
        let get = s3.get_object().bucket(&self.bucket).key(&self.key).set_version_id(self.version_id.clone());
        get.send().await.map_err(|error| {
            if is_gone(&error) {
                let version = self.version_id.clone().unwrap_or_else(|| "latest".to_owned());
                return Error::ObjectGone { bucket: self.bucket.clone(), key: self.key.clone(), version };
            }
            Error::s3(format!("read {}", self.key), &error)
        })
    }
}

fn is_gone(error: &SdkError<GetObjectError>) -> bool {
    // A version id that never was one is no valid argument; one that is a delete marker allows no GET.
    let codes = ["NoSuchKey", "NoSuchVersion", "MethodNotAllowed"];
    error.as_service_error().and_then(ProvideErrorMetadata::code).is_some_and(|code| codes.contains(&code))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_decoded() {
        let landed = read_event(include_str!("../events/put.json")).expect("an event");
        let [landed] = landed.as_slice() else { panic!("one record: {landed:?}") };
        assert_eq!(landed.key, "calls/2026-01-15/100% of Müller+Söhne.ndjson");
        assert_eq!(landed.bucket, "lockgate-landing-staging");
        assert_eq!(
            landed.version_id.as_deref(),
            Some("3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo")
        );
        assert_eq!(landed.sequencer, "0055AED6DCD90281E5");
    }

    #[test]
    fn events_about_no_object_are_fine() {
        assert_eq!(read_event(include_str!("../events/empty.json")).expect("empty"), []);
        assert_eq!(read_event(include_str!("../events/test.json")).expect("S3's own test"), []);
    }

    #[test]
    fn another_service_s_event_is_an_error() {
        for other in ["{}", "[]", r#"{"Event":"other"}"#, r#"{"Records":[{"eventSource":"aws:sqs"}]}"#, "7"] {
            assert!(matches!(read_event(other), Err(Error::Event(_))), "{other} was taken for an event of S3");
        }
    }
}
