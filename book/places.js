// Written by `WRITE=1 cargo test --test book player`, and compared by it without WRITE.
window.PLACES = {
"src/protocol/address.rs fmt": "ch04-address.html#the-address",
"src/protocol/command.rs VERBS": "ch05-command.html#verbs",
"src/protocol/command.rs fmt": "ch05-command.html#from-a-command-to-a-line",
"src/protocol/command/syntax.rs fmt": "ch05-command.html#it-fits",
};
