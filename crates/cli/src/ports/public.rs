//! Which addresses are on the internet, and a look-up that gives no other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Whether an address is this machine's, a private network's, or nobody's: not one of the internet.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => private_v4(address),
        IpAddr::V6(address) => private_v6(address),
    }
}

fn private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || a == 0
        || a >= 240
        // Carriers' own networks, and those for measuring.
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (18..20).contains(&b))
}

fn private_v6(address: Ipv6Addr) -> bool {
    let parts = address.segments();
    // An address of the old kind within one of the new: mapped, translated, tunnelled.
    let old = |high: u16, low: u16| private_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)));
    match parts {
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => old(high, low),
        [0x2002, high, low, ..] => old(high, low),
        [0, 0, 0, 0, 0, 0, ..] => true,
        [first, ..] => first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00,
    }
}

/// Looks names up and gives their public addresses only; a proxy of the environment may be anywhere, and looks up what it is asked for itself.
pub(super) struct PublicOnly {
    proxies: Vec<String>,
}

impl PublicOnly {
    pub(super) fn new() -> Self {
        let variables = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
        let proxies = variables.iter().filter_map(|name| std::env::var(name).ok()).filter_map(|proxy| {
            let uri: http::Uri = if proxy.contains("://") { proxy } else { format!("http://{proxy}") }.parse().ok()?;
            uri.host().map(str::to_ascii_lowercase)
        });
        Self { proxies: proxies.collect() }
    }
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let host = name.as_str().to_ascii_lowercase();
        let any = self.proxies.contains(&host);
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0)).await?.collect();
            let public: Vec<SocketAddr> = found.iter().copied().filter(|address| any || !is_private(address.ip())).collect();
            if public.is_empty() {
                return Err(format!("{host} stands for a private address").into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_known_in_every_form() {
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "255.255.255.255",
            "224.0.0.1",
            "198.18.0.1",
            "::1",
            "::",
            "fd00::1",
            "fe80::1",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "::127.0.0.1",
        ] {
            assert!(is_private(private.parse().unwrap()), "{private}");
        }
        for public in ["93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }

    /// Whatever a name stands for is found out when it is looked up, and nothing else is connected to.
    #[tokio::test]
    async fn a_name_that_stands_for_a_private_address_is_not_gone_to() {
        let names = PublicOnly { proxies: vec!["proxy.acme.example".to_owned()] };
        let refused = names.resolve("LOCALHOST".parse().unwrap()).await.err().expect("it is this machine");
        assert!(refused.to_string().contains("stands for a private address"), "{refused}");
        let proxy = PublicOnly { proxies: vec!["localhost".to_owned()] };
        let found: Vec<SocketAddr> = proxy.resolve("localhost".parse().unwrap()).await.expect("a proxy may be anywhere").collect();
        assert!(!found.is_empty());
    }
}
