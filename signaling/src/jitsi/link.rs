//! A meeting's address. Jitsi's page takes a token raw from the query, and from the
//! fragment as JSON, in quotes; a fragment without quotes, as applications print and
//! take apart, it skips. So where a document has `#jwt=eyJ…`, the query carries the
//! token for the page and the fragment carries it for the application.

use super::{Jitsi, JitsiToken};
use crate::ids::RoomName;

/// Where a link carries its token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// `#jwt=`.
    Fragment,
    /// `?jwt=`.
    Query,
    /// The application hands the token over itself.
    Apart,
}

impl Jitsi {
    /// The room keeps its spelling, as the application knows it; Jitsi's page does not
    /// mind.
    pub fn link(
        &self,
        room: &RoomName,
        token: Option<&JitsiToken>,
        placement: Placement,
    ) -> String {
        let site = &self.site;
        let mut link = format!("{}://{}/", site.scheme, site.authority);
        if let Some(tenant) = &site.tenant {
            link.push_str(tenant);
            link.push('/');
        }
        link.push_str(room.as_str());
        if let Some(token) = token.map(JitsiToken::as_str) {
            match placement {
                Placement::Fragment => link.push_str(&format!("?jwt={token}#jwt={token}")),
                Placement::Query => link.push_str(&format!("?jwt={token}")),
                Placement::Apart => {}
            }
        }
        link
    }
}
