//! One shell in a directory of its own, with our programs on its path.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use tests::program;

/// What the shell prints when a command is done, followed by its exit code.
const DONE: &str = "\u{1e}done ";

/// How the shell waits for a server that was started in the background: until its listeners are known.
const UNTIL_READY: &str = "until [ -e gangway/state/ready.json ]; do kill -0 $! || exit; sleep 0.1; done";

/// A running shell.
pub(crate) struct Session {
    directory: tempfile::TempDir,
    shell: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Session {
    /// Starts the shell.
    pub(crate) fn begin() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let programs = program::ours("gangway");
        let directories = programs.parent().into_iter().map(PathBuf::from);
        let rest = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(directories.chain(env::split_paths(&rest))).expect("a path");
        let mut shell = Command::new("bash")
            .env("PATH", path)
            .current_dir(directory.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("bash is there");
        let input = shell.stdin.take().expect("it reads");
        let output = BufReader::new(shell.stdout.take().expect("it writes"));
        let mut session = Self { directory, shell, input, output };
        session.type_line("exec 2>&1; trap 'kill $(jobs -p) 2>/dev/null' EXIT");
        session
    }

    /// Returns the path of a file in the session's directory.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Types a command and returns what it printed; it must end well.
    pub(crate) fn run(&mut self, command: &str) -> String {
        if let Some(server) = command.strip_suffix(" &") {
            self.type_line(&format!("{server} >server.log 2>&1 & {UNTIL_READY}"));
        } else {
            self.type_line(command);
        }
        self.type_line(&format!("echo \"{DONE}$?\""));
        let mut printed = String::new();
        loop {
            let mut line = String::new();
            let length = self.output.read_line(&mut line).expect("the shell prints text");
            assert!(length > 0, "the shell ended at: {command}\n{printed}");
            match line.split_once(DONE) {
                // A command's last line may lack its end.
                Some((before, code)) => {
                    printed.push_str(before);
                    assert_eq!(code.trim_end(), "0", "$ {command}\n{printed}");
                    return printed;
                }
                None => printed.push_str(&line),
            }
        }
    }

    fn type_line(&mut self, line: &str) {
        writeln!(self.input, "{line}").expect("the shell reads");
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The shell may have ended by itself; its trap ends the server.
        let _ = writeln!(self.input, "exit");
        let _ = self.shell.wait();
    }
}
