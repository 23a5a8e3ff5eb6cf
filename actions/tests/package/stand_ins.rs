//! What an image meets on a network: a name server and servers with certificates. Each serves until the process ends.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::Arc,
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};

/// The one name that the name server knows.
pub(crate) const NAME: &str = "service.test";

/// Answers DNS queries on 127.0.0.1:53 (<https://www.rfc-editor.org/rfc/rfc1035>): [`NAME`] has that address and no
/// IPv6 address, any other name does not exist.
pub(crate) fn name_server() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 of a network of our own");
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            socket.send_to(&answer(&query[..length]), from).expect("loopback takes an answer");
        }
    });
}

fn answer(query: &[u8]) -> Vec<u8> {
    const HEADER: usize = 12;
    const ADDRESS: [u8; 16] = [0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1];
    let wire: Vec<u8> =
        NAME.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).chain([0]).collect();
    let question = &query[HEADER..];
    let end = question.iter().position(|byte| *byte == 0).expect("a name ends with an empty label") + 1;
    let (known, wants_address) = (question[..end].eq_ignore_ascii_case(&wire), question[end..end + 2] == [0, 1]);
    let answers = u8::from(known && wants_address);
    let outcome = if known { 0x80 } else { 0x83 };
    let mut answer = [&query[..2], &[0x81, outcome, 0, 1, 0, answers, 0, 0, 0, 0], &question[..end + 4]].concat();
    if answers == 1 {
        answer.extend(ADDRESS);
    }
    answer
}

/// A certificate authority that nobody knows yet.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate, to be trusted.
    pub(crate) pem: String,
}

impl Authority {
    /// Two of different names differ in more than their keys, as real ones do.
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// Serves [`NAME`] with a certificate of this authority, answers every request 200, and gives the port.
    pub(crate) fn serve(&self) -> u16 {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new([NAME.to_owned()]).expect("a name for certificates");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
            .expect("a key that fits its certificate");
        let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").expect("a free port"));
        let port = listener.local_addr().expect("a bound address").port();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that refuses the certificate hangs up: that is its answer, not this server's failure.
                let _ = respond(&config, stream);
            }
        });
        port
    }
}

fn respond(config: &Arc<ServerConfig>, stream: TcpStream) -> std::io::Result<()> {
    let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, stream));
    let mut line = String::new();
    while stream.read_line(&mut line)? > 2 {
        line.clear();
    }
    let stream = stream.get_mut();
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    stream.conn.send_close_notify();
    stream.flush()
}
