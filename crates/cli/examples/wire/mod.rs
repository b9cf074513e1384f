//! A client of benchmarks: one connection, kept open, that costs next to nothing itself.

use std::error::Error;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

type Failed = Box<dyn Error>;

/// One connection, kept as long as the server keeps it.
pub(crate) struct Client {
    address: String,
    /// What stands before each path.
    base: String,
    /// Lines that go with each request.
    headers: String,
    stream: Option<BufReader<TcpStream>>,
}

impl Client {
    /// One that has not asked for anything; `headers` are whole lines.
    pub(crate) fn new(address: &str, base: &str, headers: &str) -> Self {
        Self { address: address.to_owned(), base: base.to_owned(), headers: headers.to_owned(), stream: None }
    }

    /// The status and the body of the answer.
    pub(crate) fn send(&mut self, method: &str, path: &str, body: Option<&str>) -> Result<(u16, String), Failed> {
        let body = body.unwrap_or_default();
        let Self { address, base, headers, .. } = self;
        let request =
            format!("{method} {base}{path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.address)?;
                stream.set_nodelay(true)?;
                BufReader::new(stream)
            }
        };
        stream.get_mut().write_all(request.as_bytes())?;
        let (mut status, mut length, mut closes) = (0, None, false);
        let mut line = String::new();
        loop {
            line.clear();
            if stream.read_line(&mut line)? == 0 {
                return Err("the server hung up".into());
            }
            let text = line.trim_end().to_ascii_lowercase();
            match text.split_once(':') {
                _ if text.is_empty() => break,
                Some(("content-length", value)) => length = Some(value.trim().parse::<usize>()?),
                Some(("connection", value)) => closes |= value.trim() == "close",
                None if status == 0 => {
                    closes |= text.starts_with("http/1.0");
                    status = text.split(' ').nth(1).ok_or("no status")?.parse()?;
                }
                _ => {}
            }
        }
        let mut answer = Vec::new();
        match length {
            // It has no body and no length (RFC 9110, section 8.6).
            _ if status == 204 => {}
            Some(length) => {
                answer.resize(length, 0);
                stream.read_exact(&mut answer)?;
            }
            None => {
                closes = true;
                stream.read_to_end(&mut answer)?;
            }
        }
        if !closes {
            self.stream = Some(stream);
        }
        Ok((status, String::from_utf8(answer)?))
    }
}
