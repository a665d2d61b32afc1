// Written by `WRITE=1 cargo test --test book player`, and compared by it without WRITE.
window.PLACES = {
"src/protocol/address.rs AddressError::fmt": "ch04-address.html#the-rest",
"src/protocol/command.rs VERBS": "ch05-command.html#verbs",
"src/protocol/command/syntax.rs Syntax::fmt": "ch05-command.html#it-fits",
"src/server.rs keep": "ch10-server.html#one-caller-at-a-time",
};
