//! ECR as it is reached from a company's network: by its own name, through a proxy, with TLS.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::Command,
    sync::{Arc, Mutex},
    thread,
};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned, pki_types::PrivatePkcs8KeyDer};
use stand_ins::{
    emulator::{self, ACCOUNT, REGION, ROOT_KEY},
    scripted::Request,
};

use crate::{
    fixture::Draft,
    memory::{Kept, answer},
};

/// Trap 7, as far as it can be played: the token is asked for in the host's region, and goes to that host alone.
#[tokio::test]
async fn ecr_is_reached_by_name_through_a_proxy_with_tls() {
    let aws = emulator::shared().await;
    let host = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com");
    let place = tempfile::tempdir().expect("a folder");
    let authority = place.path().join("authority.pem");
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let registry = registry(&host, &authority, Arc::clone(&heads));
    let (proxy, asked) = proxy(registry);

    let mut draft = Draft::new(21, 2, 300_000);
    let digest = draft.write();
    let mut command = Command::new(env!("CARGO_BIN_EXE_lockgate"));
    command.args(["push-image", "--tag", "r1", "--repository", &format!("{host}/enrich")]);
    command.arg("--layout").arg(draft.folder.path()).env_clear();
    command.envs([("AWS_ENDPOINT_URL", aws.url.as_str()), ("AWS_ACCESS_KEY_ID", ROOT_KEY)]);
    command.envs([
        ("AWS_SECRET_ACCESS_KEY", ROOT_KEY),
        ("HTTPS_PROXY", &format!("http://someone:pass@127.0.0.1:{proxy}")),
    ]);
    command.env("SSL_CERT_FILE", &authority);
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("it starts");
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("image={host}/enrich@{digest}")), "{said}");

    let asked = asked.lock().expect("no panic").clone();
    assert!(
        !asked.is_empty() && asked.iter().all(|head| head.starts_with(&format!("CONNECT {host}:443 "))),
        "{asked:?}"
    );
    // "someone:pass"
    assert!(asked.iter().all(|head| head.to_lowercase().contains("proxy-authorization: basic c29tzw9uztpwyxnz")));
    let heads = heads.lock().expect("no panic").clone();
    // 2 + 4 blobs x 3 + 2.
    assert_eq!(heads.len(), 16, "{heads:#?}");
    let token = "authorization: Basic QVdTOm1pbmlzdGFjay1hdXRoLXRva2Vu\r\n";
    assert!(heads.iter().all(|head| head.contains(token) && head.contains(&format!("host: {host}\r\n"))), "{heads:#?}");
}

/// A registry in memory that speaks TLS as `host`; its authority's certificate is written to a file.
fn registry(host: &str, authority: &std::path::Path, heads: Arc<Mutex<Vec<String>>>) -> u16 {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(authority, params.self_signed(&key).expect("a certificate").pem()).expect("an own folder");
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new([host.to_owned()]).expect("a name").signed_by(&key, &issuer);
    let chain = vec![certificate.expect("a certificate").der().clone()];
    let settings = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .expect("a certificate and its key");
    let settings = Arc::new(settings);
    let kept: Arc<Mutex<Kept>> = Arc::default();
    serve(move |stream| {
        let connection = ServerConnection::new(Arc::clone(&settings)).expect("good settings");
        let (kept, heads) = (Arc::clone(&kept), Arc::clone(&heads));
        // It ends when the client leaves.
        let _ = converse(StreamOwned::new(connection, stream), &kept, &heads);
    })
}

fn converse(stream: impl Read + Write, kept: &Mutex<Kept>, heads: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    while let Some(head) = head(&mut stream)? {
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        stream.read_exact(&mut body)?;
        let request = Request {
            method: method.parse().expect("a method"),
            path: path.to_owned(),
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        heads.lock().expect("no panic").push(head.clone());
        let stand_ins::scripted::Answer::Full(response) = answer(&mut kept.lock().expect("no panic"), &request) else {
            return Ok(());
        };
        let headers: BTreeMap<_, _> =
            response.headers().iter().map(|(n, v)| (n.as_str(), v.to_str().unwrap_or(""))).collect();
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("HTTP/1.1 {} X\r\ncontent-length: 0\r\n{headers}\r\n", response.status().as_u16());
        stream.get_mut().write_all(head.as_bytes())?;
        stream.get_mut().flush()?;
    }
    Ok(())
}

/// A proxy that knows one destination, whatever is asked for; and what was asked for.
fn proxy(to: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let heads = Arc::clone(&asked);
    let port = serve(move |client| {
        let mut reader = BufReader::with_capacity(1, client.try_clone().expect("a socket"));
        let Ok(Some(head)) = head(&mut reader) else { return };
        heads.lock().expect("no panic").push(head);
        let server = TcpStream::connect(("127.0.0.1", to)).expect("the registry listens");
        let mut back = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
        (&client).write_all(b"HTTP/1.1 200 OK\r\n\r\n").expect("an open connection");
        thread::spawn(move || io::copy(&mut back.0, &mut back.1));
        let (mut client, mut server) = (client, server);
        let _ = io::copy(&mut client, &mut server);
        let _ = server.shutdown(std::net::Shutdown::Both);
    });
    (port, asked)
}

/// A request's head, down to the empty line; `None` at the connection's end.
fn head(reader: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(head))
}

/// Serves each connection on a thread of its own until the process ends.
fn serve(connection: impl Fn(TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    let port = listener.local_addr().expect("a bound port").port();
    let connection = Arc::new(connection);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = Arc::clone(&connection);
            thread::spawn(move || connection(stream));
        }
    });
    port
}
