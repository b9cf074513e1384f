//! SCIM servers that others wrote, as processes, and how they are spoken to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::{Value as Json, json};

/// The token that all of them take.
pub const TOKEN: &str = "a-token-for-scim-tests";

/// A server that others wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// `scim2-server` from PyPI.
    Python,
    /// SCIMMY and its express routers from npm.
    Node,
}

/// A process that ends with us: it ends when its standard input does.
struct Running {
    port: u16,
    _child: Child,
}

static PYTHON: OnceLock<Running> = OnceLock::new();
static NODE: OnceLock<Running> = OnceLock::new();
static TENANTS: AtomicUsize = AtomicUsize::new(0);

const LAUNCH: &str = "import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from scim2_server.testserver.cli import main
sys.exit(main())";

fn python() -> Running {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = free.local_addr().expect("it has an address").port();
    drop(free);
    let mut command = Command::new(xtask::outside::python("python"));
    command.args(["-c", LAUNCH, "--dynamic-tenants", "--bearer-token", TOKEN, "--port", &port.to_string()]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("scim2-server starts");
    let running = Running { port, _child: child };
    // It says nothing when it listens.
    for _ in 0..1200 {
        if TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return running;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("scim2-server does not listen on port {port} after a minute");
}

fn node() -> Running {
    let mut command = Command::new("node");
    command.args(["--input-type=commonjs", "-e", include_str!("scimmy.cjs")]).current_dir(xtask::outside::node());
    let mut child =
        command.env("TOKEN", TOKEN).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("node starts");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line).expect("it says its port");
    Running { port: line.trim().parse().expect("a port"), _child: child }
}

impl Server {
    fn port(self) -> u16 {
        match self {
            Self::Python => PYTHON.get_or_init(python).port,
            Self::Node => NODE.get_or_init(node).port,
        }
    }

    /// A fresh tenant with these users; its SCIM address.
    pub fn tenant(self, users: &[Json]) -> String {
        let name = format!("t{}", TENANTS.fetch_add(1, Ordering::Relaxed));
        let port = self.port();
        match self {
            Self::Python => {
                let base = format!("http://127.0.0.1:{port}/{name}/v2");
                for users in users.chunks(500) {
                    let operations: Vec<Json> = users
                        .iter()
                        .enumerate()
                        .map(|(n, user)| json!({ "method": "POST", "path": "/Users", "bulkId": n.to_string(), "data": user }))
                        .collect();
                    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": operations });
                    let (status, said) = back(&base, "POST", "/Bulk", Some(&body));
                    let made = |one: &Json| one["status"] == "201" || one["status"] == 201;
                    assert!(said["Operations"].as_array().is_some_and(|all| all.iter().all(made)), "{status}: a user was not made");
                }
                base
            }
            Self::Node => {
                let (status, said) = back(&format!("http://127.0.0.1:{port}/{name}"), "POST", "/seed", Some(&json!(users)));
                assert!(status == 200, "{status}: {said}");
                format!("http://127.0.0.1:{port}/{name}/scim")
            }
        }
    }
}

/// A request that is not the connector's.
pub fn back(base: &str, method: &str, path: &str, body: Option<&Json>) -> (u16, Json) {
    let headers = BTreeMap::from([
        ("authorization".to_owned(), format!("Bearer {TOKEN}")),
        ("content-type".to_owned(), if path == "/seed" { "application/json" } else { "application/scim+json" }.to_owned()),
        ("accept".to_owned(), "application/scim+json".to_owned()),
    ]);
    let body = body.map(Json::to_string).unwrap_or_default();
    let (status, _, body) = exchange(&format!("{base}{path}"), method, &headers, body.as_bytes()).expect("the server answers");
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

/// Status, headers, body.
pub type Answered = (u16, Vec<(String, String)>, Vec<u8>);

/// One request over a connection of its own, to its end.
///
/// # Errors
/// There was no whole answer.
pub fn exchange(url: &str, method: &str, headers: &BTreeMap<String, String>, body: &[u8]) -> std::io::Result<Answered> {
    let rest = url.strip_prefix("http://").expect("these servers have no TLS");
    let (host, path) = rest.split_once('/').expect("an address has a path");
    let mut stream = TcpStream::connect(host)?;
    let mut head = format!("{method} /{path} HTTP/1.0\r\nhost: {host}\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    head.push_str("\r\n");
    stream.write_all(&[head.as_bytes(), body].concat())?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).ok_or(std::io::ErrorKind::InvalidData)?;
    let pairs = lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Ok((status, pairs, bytes[end + 4..].to_vec()))
}
