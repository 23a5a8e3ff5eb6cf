//! Where an upload goes on: a registry says so in `Location`, relative or absolute, on its own host or another:
//! <https://www.rfc-editor.org/rfc/rfc3986#section-5>.

use std::{fmt, net::IpAddr};

use anyhow::{Context, Result, bail, ensure};
use http::Uri;

use super::reference::{host_and_port, is_loopback};

/// Whom a connection goes to.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub(super) struct Origin {
    pub(super) tls: bool,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Origin {
    /// A registry's: with TLS, unless it is on this machine.
    pub(super) fn registry(authority: &str) -> Result<Self> {
        let (host, port) = host_and_port(authority);
        let tls = !is_loopback(host);
        let port = port.map(str::parse).transpose().with_context(|| format!("{authority} has no port"))?;
        Ok(Self { tls, host: host.to_owned(), port: port.unwrap_or(if tls { 443 } else { 80 }) })
    }

    /// As a URL without path.
    pub(super) fn uri(&self) -> Result<Uri> {
        self.to_string().parse().with_context(|| format!("{self} is no address"))
    }

    /// What the header `Host` says.
    pub(super) fn authority(&self) -> String {
        let usual = if self.tls { 443 } else { 80 };
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == usual { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.tls { "https" } else { "http" }, self.authority())
    }
}

/// A place to send to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    pub(super) origin: Origin,
    /// Path and query.
    pub(super) path: String,
}

impl Target {
    /// Follows `location` from here.
    ///
    /// # Errors
    /// For what nobody should follow: another scheme, a way back from TLS, a user name.
    pub(super) fn follow(&self, location: &str) -> Result<Self> {
        ensure!(location.bytes().all(|byte| byte.is_ascii_graphic()), "it holds characters that no URL has");
        let location = location.split('#').next().unwrap_or_default();
        let here = if self.origin.tls { "https:" } else { "http:" };
        let scheme = location.split_once(':').is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
        let absolute = match location.strip_prefix("//") {
            Some(rest) => format!("{here}//{rest}"),
            None if scheme => location.to_owned(),
            None => {
                let (base, _) = self.path.split_once('?').unwrap_or((&self.path, ""));
                let folder = base.rfind('/').map_or("/", |end| &base[..=end]);
                let path = match location {
                    "" => bail!("it is empty"),
                    path if path.starts_with('/') => path.to_owned(),
                    query if query.starts_with('?') => format!("{base}{query}"),
                    relative => format!("{folder}{relative}"),
                };
                return Ok(Self { origin: self.origin.clone(), path });
            }
        };
        let uri: Uri = absolute.parse().context("it is no URL")?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            other => bail!("its scheme is {other:?}"),
        };
        ensure!(tls || !self.origin.tls, "it leads from https back to http");
        let authority = uri.authority().context("it has no host")?;
        ensure!(!authority.as_str().contains('@'), "it holds a user name");
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { origin: Origin { tls, host, port }, path })
    }

    /// The same with a parameter more in its query.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        let joint = match self.path.split_once('?') {
            None => "?",
            Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
            Some(_) => "&",
        };
        // A digest's colon, as every other client writes it.
        self.path = format!("{}{joint}{name}={}", self.path, value.replace(':', "%3A"));
        self
    }
}

/// Whether an address belongs to a network that is not everybody's: no registry of the internet sends anybody there.
pub(super) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let special = v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || first == 0;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || shared || special
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(v4.into()),
            None => {
                let special = v6.is_unspecified() || v6.is_multicast();
                v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local() || special
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(authority: &str, path: &str) -> Target {
        Target { origin: Origin::registry(authority).expect("an address"), path: path.to_owned() }
    }

    /// Trap 13: a location is relative or absolute, and may have a query already.
    #[test]
    fn a_location_is_followed_wherever_it_points() {
        let here = target("registry.example", "/v2/app/blobs/uploads/?mount=x");
        let cases = [
            ("/v2/app/blobs/uploads/1", "https://registry.example", "/v2/app/blobs/uploads/1?digest=sha256%3Aab"),
            ("1?_state=a%20b", "https://registry.example", "/v2/app/blobs/uploads/1?_state=a%20b&digest=sha256%3Aab"),
            ("?state=2&", "https://registry.example", "/v2/app/blobs/uploads/?state=2&digest=sha256%3Aab"),
            ("https://registry.example:443/x#part", "https://registry.example", "/x?digest=sha256%3Aab"),
            ("//other.example:8443/x", "https://other.example:8443", "/x?digest=sha256%3Aab"),
            ("https://OTHER.example/x?a=1", "https://other.example", "/x?a=1&digest=sha256%3Aab"),
            ("/x?time=12:30", "https://registry.example", "/x?time=12:30&digest=sha256%3Aab"),
        ];
        for (location, origin, path) in cases {
            let followed = here.follow(location).expect(location).with("digest", "sha256:ab");
            assert_eq!((followed.origin.to_string().as_str(), followed.path.as_str()), (origin, path), "{location}");
        }
        for bad in ["", "http://registry.example/x", "ftp://registry.example/x", "https://a@registry.example/x", "a\nb"]
        {
            assert!(here.follow(bad).is_err(), "{bad:?}");
        }
    }

    /// Trap 13: a location must not lead into the runner's own network.
    #[test]
    fn a_private_address_is_known_in_every_form() {
        let private = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::ffff:10.0.0.1"];
        for address in private.into_iter().chain(["fd00::1", "fe80::1", "192.168.1.1", "172.16.0.1", "224.0.0.1"]) {
            assert!(is_private(address.parse().expect("an address")), "{address}");
        }
        for address in ["52.219.0.1", "2600:1f18::1", "100.128.0.1"] {
            assert!(!is_private(address.parse().expect("an address")), "{address}");
        }
    }
}
