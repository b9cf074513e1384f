//! What is asked of somebody who is no app: the provider that people log in with.

use bytes::Bytes;
use connector::Broken;

use crate::Engine;

impl Engine {
    /// Sends one request the one way out, which follows no redirect and speaks plain HTTP to this machine only, and reads the whole answer.
    ///
    /// # Errors
    /// [`Broken`]: it could not be sent, or was not answered.
    pub async fn ask_outside(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, Broken> {
        let answer = self.ports.transport.send(request.map(Bytes::from)).await?;
        Ok(answer.map(Vec::from))
    }
}
