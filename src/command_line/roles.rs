// ANCHOR: story
//! The roles of a mail server: init, serve, pop3, relay.
// ANCHOR_END: story

// ANCHOR: uses
use super::args::Args;
use super::{Failure, clock, complain, failed, listen, print, trace, try_later, usage};
use crate::client::Timeouts;
use crate::next_hop::resolver::Resolver;
use crate::next_hop::{Dns, NoHop, Target, next_hops};
use crate::pop3;
use crate::protocol::address::Domain;
use crate::protocol::line::{Trace, Wire};
use crate::relay::{Relay, Report, Schedule};
use crate::server::{self, COMMAND_TIMEOUT, Connection, Entrance, IsOver, Times, hang_up};
use crate::session::Session;
use crate::site::{PostOffice, Site, new_conf};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
// ANCHOR_END: uses

// ANCHOR: serve
pub fn serve(args: &Args) -> Result<(), Failure> {
    let mut site = site(args)?;
    if let Some(size) = args.number("max-size")? {
        // SIZE 0 on the wire would mean that there is no limit (RFC 1870 §3).
        if size == 0 {
            return Err(usage("--max-size must be more than 0"));
        }
        site.host.max_size = usize::try_from(size).unwrap_or(usize::MAX);
    }
    // ANCHOR_END: serve
    // ANCHOR: serve_office
    let (site, clock) = (&site, clock()?);
    // Also with --quiet, which is for the trace.
    let log: &dyn Fn(&str) = &|why| complain(&format!("smtp-primer: {why}"));
    let mut office = PostOffice { site, clock, log };
    // ANCHOR_END: serve_office
    // ANCHOR: serve_talk
    let goodbye = format!("421 {} closing", site.host.domain);
    receive(args, "127.0.0.1:2525", COMMAND_TIMEOUT, |wire, timeout| {
        let caller = site.caller(wire.stream().peer.ip(), wire.stream().local()?.ip());
        let mut session = Session::new(&site.host, caller);
        let ended = server::converse(wire, &mut session, &mut office, timeout);
        if let Err(error) = ended {
            hang_up(wire, &error, &goodbye);
        }
        Ok(())
    })
}
// ANCHOR_END: serve_talk

// ANCHOR: receive
/// Opens a port, and converses with one caller after another.
fn receive(
    args: &Args,
    address: &str,
    timeout: Duration,
    mut converse: impl FnMut(&mut Wire<Connection<'_>>, Duration) -> io::Result<()>,
) -> Result<(), Failure> {
    let sessions = args.number("sessions")?;
    let timeout = args.seconds("timeout")?.unwrap_or(timeout);
    let is_over = leash().map(|parent| Box::new(move || is_orphan(parent)) as IsOver);
    let entrance = Entrance::new(listen(args, address)?, Times::new(timeout), is_over);
    let cannot = |error| failed(format!("cannot listen: {error}"));
    let mut entrance = entrance.map_err(cannot)?;
    // ANCHOR_END: receive
    // ANCHOR: receive_each
    server::serve(&mut entrance, sessions, |connection| {
        let peer = connection.peer;
        let mut wire = Wire::traced(connection, trace(args, Trace::of_server));
        wire.remark(&format!("{peer} calls"));
        if let Err(error) = converse(&mut wire, timeout) {
            wire.remark(&format!("the conversation ended early: {error}"));
        }
        wire.remark("the connection is closed");
    });
    Ok(())
}
// ANCHOR_END: receive_each

// ANCHOR: site
fn site(args: &Args) -> Result<Site, Failure> {
    Site::open(Path::new(&args.word)).map_err(failed)
}
// ANCHOR_END: site

// ANCHOR: leash
/// A program that starts us can name itself here; then we end when it does.
fn leash() -> Option<u32> {
    std::env::var("SMTP_PRIMER_LEASH").ok()?.parse().ok()
}
// ANCHOR_END: leash

// ANCHOR: is_orphan
/// Our parent process had this id. Has it ended? (Only Unix can tell.)
fn is_orphan(parent: u32) -> bool {
    #[cfg(unix)]
    let now = std::os::unix::process::parent_id();
    #[cfg(not(unix))]
    let now = parent;
    parent != now
}
// ANCHOR_END: is_orphan

// ANCHOR: init
pub fn init(args: &Args) -> Result<(), Failure> {
    let folder = Path::new(&args.word);
    let mut users = Vec::new();
    for user in args.all("user") {
        let form = "--user has the form NAME:PASSWORD";
        let (name, password) = user.split_once(':').ok_or_else(|| usage(form))?;
        users.push((name.to_string(), password.to_string()));
    }
    let domain = args.need("domain")?;
    new_conf(domain, &users).map_err(usage)?;
    let site = Site::init(folder, domain, &users);
    site.map_err(|why| failed(format!("no site was made: {why}")))?;
    let folder = folder.display();
    print(&format!(
        "{folder} is a mail server for {domain} now; read {folder}/site.conf\n\
         next: smtp-primer serve {folder}\n"
    ))
}
// ANCHOR_END: init

// ANCHOR: pop3
pub fn pop3(args: &Args) -> Result<(), Failure> {
    let site = site(args)?;
    receive(
        args,
        "127.0.0.1:2110",
        pop3::COMMAND_TIMEOUT,
        |wire, timeout| {
            let may_authenticate = site.may_authenticate(wire.stream().local()?.ip());
            let mut session = pop3::Pop3Session::new(&site.host, may_authenticate);
            // A POP3 server that has waited too long closes without a word (RFC 1939 §3).
            pop3::converse(wire, &mut session, |user| site.mailbox(user), timeout)
        },
    )
}
// ANCHOR_END: pop3

// ANCHOR: relay
pub fn relay(args: &Args) -> Result<(), Failure> {
    // We only read the site. Without the folders that init or serve make, no letter can
    // wait.
    let site = Site::read(Path::new(&args.word)).map_err(failed)?;
    let trouble = |error: io::Error| failed(format!("the queue: {error}"));
    let schedule = Schedule {
        retry: args.seconds("retry")?.unwrap_or(Schedule::RFC.retry),
        give_up: args.seconds("give-up")?.unwrap_or(Schedule::RFC.give_up),
    };
    let queue = site.queue();
    let Some(_lock) = queue.lock().map_err(trouble)? else {
        return Err(try_later("another relay works on this queue"));
    };
    let mut clock = clock()?;
    let timeout = args.seconds("timeout")?;
    let relay = Relay {
        queue: &queue,
        own: &site.host.domain,
        schedule,
        timeouts: Timeouts(timeout),
        next_hops: &mut find_hops(&site, timeout),
        store: &mut PostOffice {
            site: &site,
            clock: clock.clone(),
            log: &|_| {}, // The relay tells it itself.
        },
        clock: &mut clock,
        trace: &|| trace(args, Trace::of_client),
        // Also with --quiet, which is for the trace: the log says what the other side
        // answered.
        log: &complain,
    };
    work(relay, args.flag("once"))
}
// ANCHOR_END: relay

// ANCHOR: find_hops
/// Asks the routes of the site, and then its resolver.
fn find_hops(
    site: &Site,
    timeout: Option<Duration>,
) -> impl FnMut(&Domain) -> Result<Vec<Target>, NoHop> {
    move |domain| {
        // Each domain has its own time limit, which begins here.
        let resolver = |server| Resolver::new(server, timeout, Instant::now());
        let mut resolver = site.resolver.map(resolver);
        let dns = resolver.as_mut().map(|resolver| resolver as &mut dyn Dns);
        let own = &site.host.domain;
        next_hops(domain, &site.routes, own, site.mx_port, dns)
    }
}
// ANCHOR_END: find_hops

// ANCHOR: work
/// How long the relay rests before it looks at the queue again.
const REST: Duration = Duration::from_secs(1);

fn work(mut relay: Relay, once: bool) -> Result<(), Failure> {
    loop {
        let passed = relay.pass();
        let report = passed.map_err(|error| try_later(format!("the queue: {error}")))?;
        if once {
            return outcome(report);
        }
        if leash().is_some_and(is_orphan) {
            return Ok(());
        }
        std::thread::sleep(REST);
    }
}
// ANCHOR_END: work

// ANCHOR: outcome
/// The result of one pass.
fn outcome(report: Report) -> Result<(), Failure> {
    let (waiting, refused, damaged) = (report.waiting, report.failed, report.damaged);
    if waiting > 0 {
        let why = format!("recipients that wait in the queue: {waiting}");
        return Err(try_later(why));
    }
    if refused > 0 || damaged > 0 {
        let refused = format!("recipients refused for good: {refused}");
        return Err(failed(format!("{refused}; damaged letters: {damaged}")));
    }
    Ok(())
}
// ANCHOR_END: outcome
