//! 公告 and 通报. Of each the latest entry counts.

use std::sync::Arc;

use sanji_domain::matter::notice::Notice;
use sanji_log::{Entry, Reach};

use super::{Ignored, ReferenceData};

impl ReferenceData {
    /// Only the station whose log it is may publish there.
    pub(super) fn fold_notice(&mut self, entry: &Entry) -> Result<Vec<u8>, Ignored> {
        let writer = self.writer(entry).ok_or(Ignored::NotAuthorised)?;
        if entry.log.reach != Reach::Public || writer != entry.log.home {
            return Err(Ignored::NotAuthorised);
        }
        let notice = Notice::read(entry, writer).ok_or(Ignored::Malformed)?;
        let row = [&writer.number().to_be_bytes()[..], &notice.id.0].concat();
        if !Arc::make_mut(&mut self.notices).take(notice) {
            return Err(Ignored::Superseded);
        }
        Ok(row)
    }
}
