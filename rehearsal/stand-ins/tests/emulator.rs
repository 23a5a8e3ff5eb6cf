//! The emulated AWS is as strict as the rehearsal needs it to be.

use aws_sdk_dynamodb::Client;
use stand_ins::emulator;
use std::io::{Read, Write};
use std::net::TcpStream;

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

/// Terraform hangs up where a body comes later than its headers. Many calls: one may find both where they came apart.
#[tokio::test]
async fn an_answer_comes_in_one_piece() {
    let emulator = emulator::shared().await;
    let host = emulator.url.trim_start_matches("http://");
    for _ in 0..200 {
        let mut connection = TcpStream::connect(host).expect("it listens");
        write!(connection, "GET /_ministack/health HTTP/1.1\r\nHost: {host}\r\n\r\n").expect("it takes a call");
        let mut first = vec![0; 65536];
        let read = connection.read(&mut first).expect("it answers");
        let first = String::from_utf8_lossy(&first[..read]).into_owned();
        let (headers, body) = first.split_once("\r\n\r\n").expect("headers");
        assert!(headers.starts_with("HTTP/1.1 200 "), "{headers}");
        assert!(!body.is_empty(), "the body did not come with its headers: {headers}");
    }
}
