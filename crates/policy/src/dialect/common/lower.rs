//! What the shared statements do to the model.

use super::entry::{self, Syntax};
use super::{AccessListLine, InnerLine, InterfaceLine, Statement};
use crate::diagnostic::{Code, Diagnostic};
use crate::dialect::lowering::{Lowering, Placed, lines};
use crate::model::{
    AccessList, AccessListForm, Configuration, Entry, Interface, Name, ObjectKind, Selection,
};
use crate::platform::Platform;
use crate::source::Span;
use crate::statement::Node;

pub(in crate::dialect) fn add(
    lowering: &mut Lowering<'_>,
    statement: Statement,
    at: Span,
    children: Vec<Node>,
) {
    match statement {
        // The way to the configuration is no part of it.
        Statement::OnTheWay => {}
        Statement::Hostname(name) => {
            let before = std::mem::replace(&mut lowering.configuration.hostname, name);
            lowering.complaints.extend(before.and_then(|before| lowering.outline.replaces(at, before.at)));
        }
        Statement::LogFile(path) => lowering.configuration.settings.log_file = path,
        Statement::Logging(line) => {
            lowering.complaints.extend(line.complaint());
            line.apply(false, &mut lowering.configuration.settings.logging);
        }
        Statement::Interface(name) if name.text.eq_ignore_ascii_case("range") => {
            if !children.is_empty() {
                let message = "`interface range` is not supported: write its lines for each interface";
                lowering.complaints.push(Diagnostic::new(Code::NotSupported, at, message));
            }
        }
        Statement::Interface(name) => lowering.interface(name, children),
        Statement::AccessListLine { name, entry } => {
            let form = AccessListForm::Lines;
            let list = open_access_list(&mut lowering.configuration, form, &name);
            match of_another_form(list, form, &name) {
                Some(complaint) => lowering.complaints.push(complaint),
                None => list.append(entry::read(Syntax::of(form, &name.text), entry.access, &entry.rest)),
            }
        }
        // A list is defined by its entries.
        Statement::AccessListOther => {}
        // Only its `no` form is in the table.
        Statement::NumberedAccessList(_) => lowering.misplaced(at),
        Statement::AccessList { form, name } => access_list(lowering, form, &name, children),
        Statement::Line(InnerLine::Interface(_) | InnerLine::AccessList(_)) => lowering.misplaced(at),
    }
}

pub(in crate::dialect) fn remove(lowering: &mut Lowering<'_>, statement: Statement, at: Span) {
    match statement {
        Statement::OnTheWay => {}
        Statement::Hostname(_) => lowering.configuration.hostname = None,
        Statement::LogFile(_) => lowering.configuration.settings.log_file = None,
        Statement::Logging(line) => line.apply(true, &mut lowering.configuration.settings.logging),
        Statement::Interface(name) => lowering.remove_object(ObjectKind::Interface, &name, at),
        Statement::AccessListOther => {}
        // A router takes the whole list away, whichever entry is said.
        Statement::AccessListLine { name, .. }
        | Statement::NumberedAccessList(name)
        | Statement::AccessList { name, .. } => {
            lowering.remove_object(ObjectKind::AccessList, &name, at);
        }
        Statement::Line(InnerLine::Interface(_) | InnerLine::AccessList(_)) => lowering.misplaced(at),
    }
}

/// What is only known when all lines are read.
pub(in crate::dialect) fn finish(configuration: &mut Configuration) {
    let interfaces = &mut configuration.interfaces;
    interfaces.retain(Interface::is_ours);
    if configuration.platform == Platform::Asa {
        // Groups of objects have descriptions too, and without indentation nobody could tell whose a line is.
        interfaces.iter_mut().for_each(|interface| interface.description = None);
    }
    // A list of remarks alone cannot be distinguished from one that is not there.
    let access_lists = &mut configuration.access_lists;
    access_lists.retain(|list| !list.form.is_of_lines() || !list.is_empty());
    // Its lines are written without their numbers.
    let numbered = access_lists.iter_mut().filter(|list| list.form.is_of_lines());
    numbered.for_each(AccessList::resequence);
}

pub(in crate::dialect) fn interface_line(interface: &mut Interface, line: InterfaceLine, negated: bool) {
    match line {
        // Of any length: on a device the block belongs to other features.
        InterfaceLine::Description(text) => {
            interface.description = text.filter(|_| !negated).map(|text| text.text);
        }
        InterfaceLine::LinuxInterface(name) => interface.linux_interface = name.filter(|_| !negated),
    }
}

fn access_list(lowering: &mut Lowering<'_>, form: AccessListForm, name: &Name, children: Vec<Node>) {
    let Lowering { configuration, complaints, outline, .. } = lowering;
    let list = open_access_list(configuration, form, name);
    if let Some(complaint) = of_another_form(list, form, name) {
        return complaints.push(complaint);
    }
    for Placed { line, negated, at, .. } in lines(children, complaints) {
        match line {
            AccessListLine::Entry { sequence, entry } => {
                let entry = entry::read(Syntax::of(form, &name.text), entry.access, &entry.rest);
                match sequence {
                    _ if negated => {
                        let same = |known: &Entry| {
                            matches!(known.selection, Selection::Connections { .. })
                                && known.selection == entry.selection
                        };
                        if !list.remove(&entry, same) {
                            complaints.extend(outline.takes_nothing_back(at, &no_such_entry(name)));
                        }
                    }
                    None => list.append(entry),
                    Some(sequence) => {
                        if let Err(other) = list.insert(sequence, entry) {
                            let message = format!("sequence number {sequence} is taken");
                            let complaint = Diagnostic::new(Code::InvalidInput, at, message)
                                .related(other.text.at, "by this entry")
                                .help(format!("first write `no {sequence}`"));
                            complaints.push(complaint);
                        }
                    }
                }
            }
            AccessListLine::Sequence(sequence) => {
                if !list.remove_at(sequence) {
                    complaints.extend(outline.takes_nothing_back(at, &no_such_entry(name)));
                }
            }
            AccessListLine::Remark => {}
        }
    }
}

/// That a list cannot have entries of this form, if its own is another.
fn of_another_form(list: &AccessList, form: AccessListForm, name: &Name) -> Option<Diagnostic> {
    if Syntax::of(list.form, &name.text) == Syntax::of(form, &name.text) {
        return None;
    }
    let header = list.form.header();
    let message = format!("access list `{name}` is defined as `{header}`");
    let complaint = Diagnostic::new(Code::InvalidInput, name.at, message);
    Some(
        complaint
            .related(list.name.at, "defined here")
            .help(format!("write `{header} {name}`, or another name")),
    )
}

fn no_such_entry(list: &Name) -> String {
    format!("access list `{list}` has no such entry")
}

fn open_access_list<'c>(
    configuration: &'c mut Configuration,
    form: AccessListForm,
    name: &Name,
) -> &'c mut AccessList {
    configuration.access_lists.open(name, |name| AccessList::new(name, form))
}
