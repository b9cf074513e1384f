use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::data::Announcement;
use crate::error::Error;

/// How long requests under way may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A sandbox that listens.  Dropping it stops it too, without waiting for requests under way.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<()>,
    _announcement: Option<Announcement>,
}

impl Running {
    /// Serves the router on the address.
    ///
    /// # Errors
    /// The address cannot be listened on, or the data folder not written.
    pub(crate) async fn start(
        listen: SocketAddr,
        router: Router,
        announce: impl FnOnce(SocketAddr) -> Result<Option<Announcement>, Error>,
    ) -> Result<Self, Error> {
        let failed = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let announcement = announce(address)?;
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            // Small answers must not wait for each other.  A connection that cannot be tuned is served as it is.
            let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
            let shutdown = async move { drop(stopped.await) };
            axum::serve(listener, router).with_graceful_shutdown(shutdown).await.ok();
        });
        Ok(Self { address, stop, served, _announcement: announcement })
    }

    /// `http://` and the address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Takes no more requests, and waits for those under way for a few seconds at most.
    pub async fn stop(self) {
        self.stop.send(()).ok();
        let abort = self.served.abort_handle();
        if tokio::time::timeout(GRACE, self.served).await.is_err() {
            abort.abort();
        }
    }
}
