//! `no` in front of a block's header: what is not used any more goes, what is used stays.

use super::Lowering;
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::Statement;
use crate::model::{Name, ObjectKind, Protocol, Settings};
use crate::source::Span;

impl Lowering<'_> {
    pub(super) fn remove(&mut self, statement: Statement, at: Span) {
        match statement {
            Statement::Hostname(_) => self.configuration.hostname = None,
            Statement::LogFile(_) => self.configuration.settings.log_file = None,
            Statement::Mailwarden => {
                let log_file = self.configuration.settings.log_file.take();
                self.configuration.settings = Settings { log_file, ..Settings::default() };
            }
            Statement::RegexMap(name) => self.remove_object(ObjectKind::RegexMap, &name, at),
            Statement::InspectMap { name, .. } => self.remove_object(ObjectKind::InspectMap, &name, at),
            Statement::L7Class { name, .. } => {
                self.remove_object(ObjectKind::L7Class(Protocol::Smtp), &name, at);
            }
            Statement::L7Policy(name) => self.remove_object(ObjectKind::L7Policy(Protocol::Smtp), &name, at),
            Statement::L3Class { name, .. } => self.remove_object(ObjectKind::L3Class, &name, at),
            Statement::L3Policy(name) => self.remove_object(ObjectKind::L3Policy, &name, at),
            Statement::Zone(name) => self.remove_object(ObjectKind::Zone, &name, at),
            Statement::ZonePair { name, .. } => self.remove_object(ObjectKind::ZonePair, &name, at),
            Statement::Interface(name) => self.remove_object(ObjectKind::Interface, &name, at),
            Statement::AccessListLine { name, .. } | Statement::AccessList { name, .. } => {
                self.remove_object(ObjectKind::AccessList, &name, at);
            }
            Statement::Proxy(name) => self.remove_object(ObjectKind::Proxy, &name, at),
            _ => {}
        }
    }

    fn remove_object(&mut self, kind: ObjectKind, name: &Name, at: Span) {
        let user = self.configuration.user_of(kind, &name.text).filter(|_| kind.is_kept_while_used());
        let Some((user, used)) = user else { return self.configuration.remove(kind, &name.text) };
        let user = format!("{} `{}`", user.kind().noun(), user.name());
        self.complaints.push(
            Diagnostic::new(Code::InUse, at, format!("{} `{name}` is being used", kind.noun()))
                .related(used, format!("used by {user}"))
                .help(format!("remove it from {user} first")),
        );
    }
}
