//! The roles of a mail server: init, serve, pop3, relay.

use super::args::Args;
use super::{Failure, clock, listen, note, print, trace};
use crate::client::Timeouts;
use crate::next_hop::resolver::Resolver;
use crate::next_hop::{Lookup, next_hops};
use crate::protocol::address::Domain;
use crate::protocol::line::{Trace, Wire};
use crate::relay::{Relay, Report, Schedule};
use crate::server::{Door, hang_up, serve as serve_callers};
use crate::session::Session;
use crate::site::{PostOffice, Site, new_conf};
use crate::{pop3 as pop3_module, server};
use std::path::Path;
use std::time::Duration;

/// How long the relay rests before it looks at the queue again.
const REST: Duration = Duration::from_secs(1);
/// How long the resolver may take for one answer.
const RESOLVER: Duration = Duration::from_secs(5);

pub fn init(args: &Args) -> Result<(), Failure> {
    let folder = Path::new(args.word("DIR")?);
    let mut users = Vec::new();
    for user in args.all("user") {
        let (name, password) = user.split_once(':').ok_or(Failure::Usage(
            "--user has the form NAME:PASSWORD".to_string(),
        ))?;
        users.push((name.to_string(), password.to_string()));
    }
    let domain = args.need("domain")?;
    new_conf(domain, &users).map_err(|why| Failure::Usage(why.to_string()))?;
    let site = Site::init(folder, domain, &users)
        .map_err(|why| Failure::Failed(format!("no site was made: {why}")))?;
    let folder = folder.display();
    print(&format!(
        "{folder} is a mail server for {} now; read {folder}/site.conf\n\
         next: smtp-primer serve {folder}\n",
        site.host.domain
    ))
}

/// The site that the first word names.
fn site(args: &Args) -> Result<Site, Failure> {
    let site = Site::open(Path::new(args.word("DIR")?));
    site.map_err(|why| Failure::Failed(why.to_string()))
}

fn door(args: &Args, default: &str, patience: Duration) -> Result<Door, Failure> {
    let patience = args.seconds("timeout")?.unwrap_or(patience);
    Door::new(listen(args, default)?, patience, leash())
        .map_err(|error| Failure::Failed(format!("cannot listen: {error}")))
}

/// A program that starts us can name itself here; then we end when it does.
fn leash() -> Option<u32> {
    std::env::var("SMTP_PRIMER_LEASH").ok()?.parse().ok()
}

pub fn serve(args: &Args) -> Result<(), Failure> {
    let mut site = site(args)?;
    if let Some(size) = args.number("max-size")? {
        // SIZE 0 on the wire would mean that there is no limit (RFC 1870 §4).
        if size == 0 {
            return Err(Failure::Usage("--max-size is more than 0".to_string()));
        }
        site.host.max_size = usize::try_from(size).unwrap_or(usize::MAX);
    }
    let sessions = args.number("sessions")?;
    let mut office = PostOffice {
        site: &site,
        clock: clock()?,
    };
    let door = door(args, "127.0.0.1:2525", server::PATIENCE)?;
    serve_callers(&door, sessions, |visitor| {
        let Ok(local) = visitor.local() else { return };
        let mut session = Session::new(&site.host, site.caller(visitor.peer.ip(), local.ip()));
        let peer = visitor.peer;
        let mut wire = Wire::traced(visitor, trace(args, Trace::of_server));
        remark(&mut wire, &format!("{peer} calls"));
        let limit = site.host.max_size;
        let ended = server::converse(&mut wire, &mut session, &mut office, limit, door.patience());
        if let Err(error) = ended {
            let goodbye = format!("421 {} closing: no line came in time", site.host.domain);
            hang_up(&mut wire, &error, &goodbye);
        }
        remark(&mut wire, "the connection is closed");
    });
    Ok(())
}

pub fn pop3(args: &Args) -> Result<(), Failure> {
    let site = site(args)?;
    let sessions = args.number("sessions")?;
    let door = door(args, "127.0.0.1:2110", pop3_module::PATIENCE)?;
    serve_callers(&door, sessions, |visitor| {
        let Ok(local) = visitor.local() else { return };
        let mut session = pop3_module::Session::new(&site.host, site.may_authenticate(local.ip()));
        let peer = visitor.peer;
        let mut wire = Wire::traced(visitor, trace(args, Trace::of_server));
        remark(&mut wire, &format!("{peer} calls"));
        let mailbox = |user: &str| site.mailbox(user);
        let ended = pop3_module::converse(&mut wire, &mut session, mailbox, door.patience());
        // A POP3 server that has waited too long closes without a word (RFC 1939 §3).
        if let Err(error) = ended {
            remark(&mut wire, &format!("the conversation broke off: {error}"));
        }
        remark(&mut wire, "the connection is closed");
    });
    Ok(())
}

fn remark<S: crate::protocol::line::Stream>(wire: &mut Wire<S>, remark: &str) {
    if let Some(trace) = wire.trace() {
        trace.remark(remark);
    }
}

pub fn relay(args: &Args) -> Result<(), Failure> {
    let site = site(args)?;
    let queue = site
        .queue()
        .map_err(|error| Failure::Failed(format!("the queue: {error}")))?;
    let schedule = Schedule {
        retry: args.seconds("retry")?.unwrap_or(Schedule::RFC.retry),
        give_up: args.seconds("give-up")?.unwrap_or(Schedule::RFC.give_up),
    };
    let lock = queue
        .lock()
        .map_err(|error| Failure::Failed(format!("the queue: {error}")))?;
    let Some(_lock) = lock else {
        return Err(Failure::TryLater(
            "another relay works on this queue".to_string(),
        ));
    };
    let mut resolver = site.resolver.map(|server| Resolver::new(server, RESOLVER));
    let mut next_hops = |domain: &Domain| {
        let lookup = resolver
            .as_mut()
            .map(|resolver| resolver as &mut dyn Lookup);
        next_hops(
            domain,
            &site.routes,
            &site.host.domain,
            site.mx_port,
            lookup,
        )
    };
    let mut clock = clock()?;
    let mut office = PostOffice {
        site: &site,
        clock: clock.clone(),
    };
    let mut relay = Relay {
        queue: &queue,
        own: &site.host.domain,
        schedule,
        timeouts: Timeouts::RFC,
        next_hops: &mut next_hops,
        store: &mut office,
        clock: &mut clock,
        trace: &|| trace(args, Trace::of_client),
        // Also with --quiet, which is for the trace: here stands what the other side said.
        log: &note,
    };
    loop {
        let pass = relay.pass();
        let report = pass.map_err(|error| Failure::TryLater(format!("the queue: {error}")))?;
        if args.flag("once") {
            return outcome(report);
        }
        if server::is_orphan(leash()) {
            return Ok(());
        }
        std::thread::sleep(REST);
    }
}

fn outcome(report: Report) -> Result<(), Failure> {
    match report {
        Report { waiting, .. } if waiting > 0 => Err(Failure::TryLater(format!(
            "recipients that wait in the queue: {waiting}"
        ))),
        Report {
            failed: 0,
            damaged: 0,
            ..
        } => Ok(()),
        Report {
            failed, damaged, ..
        } => Err(Failure::Failed(format!(
            "recipients refused for good: {failed}; damaged letters: {damaged}"
        ))),
    }
}
