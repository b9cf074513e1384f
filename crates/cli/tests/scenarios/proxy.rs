//! A line between the product and a sandbox that fails where it hurts most: after the effect, before the answer.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// What becomes of the next request that begins with some words.
#[derive(Clone, Debug)]
enum Fate {
    /// It is carried out, and its answer is lost: the connection breaks.
    LoseAnswer,
    /// It is carried out, and its answer is held until [`Proxy::let_go`].
    HoldAnswer,
    /// It never reaches the sandbox: this is the answer, each time it is asked.
    Instead(String),
}

#[derive(Default)]
struct State {
    planned: Mutex<Vec<(String, Fate)>>,
    held: Mutex<Vec<Sender<()>>>,
    sent: Mutex<Vec<u8>>,
}

/// Such a line.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
    came: Receiver<()>,
}

impl Proxy {
    /// A line to `url` (`http://HOST:PORT/…`).
    pub(crate) fn to(url: &str) -> Self {
        let target = url.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let state = Arc::new(State::default());
        let (came_out, came) = channel();
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(&target) else { break };
                carry(client, server, Arc::clone(&shared), came_out.clone());
            }
        });
        Self { port, state, came }
    }

    /// Its own address, with the path of the sandbox's.
    pub(crate) fn url(&self, of: &str) -> String {
        let path = of.trim_start_matches("http://").split_once('/').map_or(String::new(), |(_, path)| format!("/{path}"));
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    fn plan(&self, begins: &str, fate: Fate) {
        self.state.planned.lock().expect("not poisoned").push((begins.to_owned(), fate));
    }

    /// The answer to the next request that begins so is lost.
    pub(crate) fn lose_answer(&self, begins: &str) {
        self.plan(begins, Fate::LoseAnswer);
    }

    /// The answer to the next request that begins so is held.
    pub(crate) fn hold_answer(&self, begins: &str) {
        self.plan(begins, Fate::HoldAnswer);
    }

    /// Every request that begins so gets this JSON and goes no further.
    pub(crate) fn instead(&self, begins: &str, json: &str) {
        self.answer(begins, "200 OK\r\ncontent-type: application/json", json);
    }

    /// Every request that begins so gets this answer (status and headers, body) and goes no further.
    pub(crate) fn answer(&self, begins: &str, head: &str, body: &str) {
        let answer = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.plan(begins, Fate::Instead(answer));
    }

    /// Nothing is planned any more.
    pub(crate) fn clear(&self) {
        self.state.planned.lock().expect("not poisoned").clear();
    }

    /// Waits until an answer is held or was lost.
    pub(crate) fn wait(&self) {
        self.came.recv_timeout(std::time::Duration::from_secs(60)).expect("the request that was waited for came");
    }

    /// Everything that was sent towards the sandbox.
    pub(crate) fn sent(&self) -> String {
        String::from_utf8_lossy(&self.state.sent.lock().expect("not poisoned")).into_owned()
    }

    /// Lets held answers go.
    pub(crate) fn let_go(&self) {
        self.state.held.lock().expect("not poisoned").clear();
    }
}

/// Carries one connection both ways.
fn carry(client: TcpStream, server: TcpStream, state: Arc<State>, came: Sender<()>) {
    let (lose, hold) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (Ok(mut client_in), Ok(mut server_in)) = (client.try_clone(), server.try_clone()) else { return };
    let (mut client_out, mut server_out) = (client, server);
    let (losing, holding, planned) = (Arc::clone(&lose), Arc::clone(&hold), Arc::clone(&state));
    let Ok(mut answer_out) = client_out.try_clone() else { return };
    thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = client_in.read(&mut piece) {
            planned.sent.lock().expect("not poisoned").extend_from_slice(&piece[..length]);
            let fate = {
                let mut planned = planned.planned.lock().expect("not poisoned");
                let at = planned.iter().position(|(begins, _)| piece[..length].starts_with(begins.as_bytes()));
                at.map(|at| match &planned[at].1 {
                    Fate::Instead(answer) => Fate::Instead(answer.clone()),
                    _ => planned.remove(at).1,
                })
            };
            let sent = match fate {
                Some(Fate::Instead(answer)) => answer_out.write_all(answer.as_bytes()),
                Some(Fate::LoseAnswer) => {
                    losing.store(true, Ordering::SeqCst);
                    server_out.write_all(&piece[..length])
                }
                Some(Fate::HoldAnswer) => {
                    holding.store(true, Ordering::SeqCst);
                    server_out.write_all(&piece[..length])
                }
                None => server_out.write_all(&piece[..length]),
            };
            if sent.is_err() {
                break;
            }
        }
        server_out.shutdown(Shutdown::Both).ok();
    });
    thread::spawn(move || {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = server_in.read(&mut piece) {
            if lose.load(Ordering::SeqCst) {
                came.send(()).ok();
                break;
            }
            if hold.swap(false, Ordering::SeqCst) {
                let (free, freed) = channel();
                state.held.lock().expect("not poisoned").push(free);
                came.send(()).ok();
                // Ends when the sender is dropped.
                freed.recv().ok();
            }
            if client_out.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        client_out.shutdown(Shutdown::Both).ok();
    });
}
