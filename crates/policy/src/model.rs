//! What a configuration says, with names still names: the one model all dialects are lowered to.
//!
//! Lists are in the order of the file, because order is meaning in a policy. Every name keeps
//! the place where it was written, so that a complaint can point at it.

use crate::platform::Platform;
use crate::source::Span;

pub use access_group::{AccessGroup, AccessGroupOption};
pub use access_list::{Access, AccessList, AccessListForm, Entry, Flow, Network, Ports, Selection, Service};
pub use class::{
    Action, Condition, Criterion, Encoding, L7Class, L7Policy, L7Rule, MatchMode, PatternText, PerSecond,
    Protocol, RegexMap,
};
pub use esmtp::{
    AllowTls, Banner, DEFAULT_ESMTP_MAP, EHLO_KEYWORDS, ENCODING_NAMES, EhloKeyword, EhloParameter,
    EncodingName, EsmtpCriterion, EsmtpMap, EsmtpMatch, EsmtpParameters, ParameterAction, Regex, RegexClass,
    RegexName, SpecialCharacter, VerbName,
};
pub use inspection::{
    CLASSIC_DEFAULTS, ClassicSettings, Direction, Extended, InspectOptions, InspectRule, InspectedProtocol,
    MAX_DATA_DEFAULT, MailInspection, PortMapping, SYSTEM_PORTS, Transport,
};
pub use limits::{InspectMap, Limits};
pub use logging::{
    ClockZone, DatetimeStamp, Facility, LocalLog, LogBuffer, LogFormat, LogHost, LogLevel, LogMessage,
    LogStamps, Logging,
};
pub use mpf::{
    Connection, EsmtpInspection, GLOBAL, ServicePolicy, TrafficClass, TrafficMatch, TrafficPolicy,
    TrafficRule,
};
pub(crate) use mpf::{ESMTP_PORT, INSPECTION_DEFAULT};
pub use object_group::{GroupForm, GroupTransport, HostName, Member, MemberKind, ObjectGroup};
pub use objects::Objects;
pub use packet::{PacketMatch, PacketService, Packets};
pub use reference::{Object, ObjectKind, Reference};
pub use server::{NoServer, Server};
pub use settings::{
    AnnounceLimits, AsaDirection, Conformance, EventsDetail, ImapPreauth, Introduction, Proxy, ProxyPolicy,
    RecipientLimit, Refusals, Settings, StartTls,
};
pub(crate) use traffic::BUILT_IN_ZONES;
pub use traffic::{
    Carriers, Carries, Interface, L3Class, L3Condition, L3Criterion, L3Policy, L3Rule, Police, TopAction,
    Zone, ZonePair,
};

mod access_group;
mod access_list;
mod class;
mod esmtp;
mod inspection;
mod limits;
mod logging;
mod mpf;
mod object_group;
mod objects;
mod packet;
mod reference;
mod server;
mod settings;
mod traffic;

/// A name as written, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub text: String,
    pub at: Span,
}

impl Name {
    pub fn new(text: impl Into<String>, at: Span) -> Self {
        Self { text: text.into(), at }
    }
}

/// A value, and the line that says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    pub value: T,
    pub at: Span,
}

/// Declares [`Configuration`] with its lists of objects, and the walks over all of them.
macro_rules! configuration {
    ($($(#[$doc:meta])* $list:ident: $object:ident = $kind:pat,)*) => {
        /// One configuration: what its statements say of mail.
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct Configuration {
            pub platform: Platform,
            pub hostname: Option<Name>,
            pub settings: Settings,
            $($(#[$doc])* pub $list: Objects<$object>,)*
        }

        impl Configuration {
            /// Every object, list by list.
            pub fn objects(&self) -> impl Iterator<Item = &dyn Object> {
                std::iter::empty()$(.chain(self.$list.iter().map(|object| object as &dyn Object)))*
            }

            fn for_each_object_mut(&mut self, visit: &mut dyn FnMut(&mut dyn Object)) {
                $(self.$list.iter_mut().for_each(|object| visit(object));)*
            }

            /// The objects of one kind, in the order of the file.
            pub fn objects_of(&self, kind: ObjectKind) -> impl Iterator<Item = &dyn Object> {
                self.objects().filter(move |object| object.kind() == kind)
            }

            /// The object of that kind and name.
            pub fn find(&self, kind: ObjectKind, name: &str) -> Option<&dyn Object> {
                let found: Option<&dyn Object> = match kind {
                    $($kind => self.$list.get(name).map(|object| object as &dyn Object),)*
                };
                found.filter(|object| object.kind() == kind)
            }

            /// Removes the object of that kind and name, if there is one.
            pub(crate) fn remove(&mut self, kind: ObjectKind, name: &str) {
                match kind {
                    $($kind => self.$list.remove(name),)*
                }
            }
        }
    };
}

configuration! {
    regex_maps: RegexMap = ObjectKind::RegexMap,
    inspect_maps: InspectMap = ObjectKind::InspectMap,
    l7_classes: L7Class = ObjectKind::L7Class(_),
    l7_policies: L7Policy = ObjectKind::L7Policy(_),
    regexes: Regex = ObjectKind::Regex,
    regex_classes: RegexClass = ObjectKind::RegexClass,
    esmtp_maps: EsmtpMap = ObjectKind::EsmtpMap,
    traffic_classes: TrafficClass = ObjectKind::TrafficClass,
    traffic_policies: TrafficPolicy = ObjectKind::TrafficPolicy,
    /// By the place.
    service_policies: ServicePolicy = ObjectKind::ServicePolicy,
    access_groups: AccessGroup = ObjectKind::AccessGroup,
    l3_policies: L3Policy = ObjectKind::L3Policy,
    l3_classes: L3Class = ObjectKind::L3Class,
    zones: Zone = ObjectKind::Zone,
    zone_pairs: ZonePair = ObjectKind::ZonePair,
    inspect_rules: InspectRule = ObjectKind::InspectRule,
    interfaces: Interface = ObjectKind::Interface,
    host_names: HostName = ObjectKind::HostName,
    object_groups: ObjectGroup = ObjectKind::ObjectGroup,
    access_lists: AccessList = ObjectKind::AccessList,
    proxies: Proxy = ObjectKind::Proxy,
}
