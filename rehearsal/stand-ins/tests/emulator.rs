//! The emulated AWS is as strict as the rehearsal needs it to be.

use aws_sdk_dynamodb::Client;
use stand_ins::emulator;

#[tokio::test]
async fn a_call_without_credentials_is_refused() {
    let emulator = emulator::shared().await;
    let mut unsigned = emulator.config().await.into_builder();
    unsigned.set_credentials_provider(None);
    let unsigned = aws_sdk_dynamodb::config::Builder::from(&unsigned.build()).allow_no_auth().build();
    let refused = Client::from_conf(unsigned).list_tables().send().await.expect_err("nobody is not root");
    assert!(format!("{refused:?}").contains("MissingAuthenticationToken"), "{refused:?}");
    assert_eq!(emulator.unsigned().await.expect("a list"), ["POST /"]);
    Client::new(&emulator.config().await).list_tables().send().await.expect("root may");
}
