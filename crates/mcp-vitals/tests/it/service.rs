//! `service`: what is written, what the service manager is asked, what of it is taken back. `systemctl` is a double here that
//! notes what it is asked: a manager of the tests' own cannot be had. The unit itself is held against the real
//! `systemd-analyze` in the unit tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

use crate::install::variable;
use crate::product::{Home, Ran, Running};

const LONG: Duration = Duration::from_secs(20);

/// A user with a `systemctl` that notes its arguments and says what is in `shown`.
fn home() -> Home {
    let home = Home::new();
    let bin = home.path().join("bin");
    fs::create_dir(&bin).expect("a folder of ours");
    let script = "#!/bin/sh\necho \"$*\" >> \"$HOME/asked\"\ncase \"$*\" in *show*) cat \"$HOME/shown\";; esac\n";
    fs::write(bin.join("systemctl"), script).expect("a folder of ours");
    fs::set_permissions(bin.join("systemctl"), fs::Permissions::from_mode(0o755)).expect("a file of ours");
    home
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    let mut command = home.mcp_vitals(arguments);
    let path = variable("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{}", home.path().join("bin").display(), path.to_string_lossy()));
    Running::start(command).wait(LONG)
}

#[test]
fn a_users_service_is_installed_and_taken_away() {
    let home = home();
    let logs = home.path().join("my logs");
    home.configure(&format!("version: 1\nlogs: {{disk: {{file: '{}/events.jsonl'}}}}\n", logs.display()));
    let dry = run(&home, &["service", "install", "--user", "--dry-run", "--target", "http://127.0.0.1:3000"]);
    assert_eq!((dry.code, dry.stderr.as_str()), (Some(0), ""));
    let state = home.path().join(".local/state/mcp-vitals");
    for line in [
        format!(
            "ExecStart={} watch --state-dir {} --target http://127.0.0.1:3000",
            env!("CARGO_BIN_EXE_mcp-vitals"),
            state.display()
        ),
        format!("ReadWritePaths={}", state.display()),
        format!("ReadWritePaths=\"{}\"", logs.display()),
        "Type=notify".to_owned(),
        "MemoryDenyWriteExecute=yes".to_owned(),
        "WantedBy=default.target".to_owned(),
    ] {
        assert!(dry.stdout.lines().any(|l| l == line), "{line} is not in\n{}", dry.stdout);
    }
    assert!(!home.path().join("asked").exists() && !logs.exists(), "a dry run does nothing");

    let installed = run(&home, &["service", "install", "--user", "--target", "http://127.0.0.1:3000"]);
    assert_eq!(installed.code, Some(0), "{}", installed.stderr);
    let unit = home.path().join(".config/systemd/user/mcp-vitals.service");
    assert_eq!(fs::read_to_string(&unit).expect("it is written"), dry.stdout);
    assert!(logs.is_dir() && state.is_dir(), "folders that the unit may write to are there");
    let asked = || fs::read_to_string(home.path().join("asked")).expect("it was asked");
    let name = "mcp-vitals.service";
    assert_eq!(asked(), format!("--user daemon-reload\n--user enable {name}\n--user restart {name}\n"));

    let removed = run(&home, &["service", "uninstall", "--user"]);
    assert!(removed.code == Some(0) && !unit.exists() && state.is_dir(), "{}", removed.stderr);
    assert!(asked().ends_with(&format!("--user disable --now {name}\n--user daemon-reload\n")), "{}", asked());
    let again = run(&home, &["service", "uninstall", "--user"]);
    assert!(again.code == Some(3) && again.stderr.contains("nothing to take away"), "{}", again.stderr);

    fs::write(&unit, "[Service]\nExecStart=/bin/true\n").expect("a folder of ours");
    for words in [&["service", "install", "--user"][..], &["service", "uninstall", "--user"]] {
        let refused = run(&home, words);
        assert!(refused.code == Some(3) && refused.stderr.contains("not written by this command"), "{}", refused.stderr);
    }
    assert!(fs::read_to_string(&unit).expect("it is there").ends_with("/bin/true\n"));
}

#[test]
fn status_says_how_it_is_in_words_and_by_its_exit_code() {
    let home = home();
    let show = |text: &str| {
        fs::write(home.path().join("shown"), text).expect("a folder of ours");
        let ran = run(&home, &["service", "status", "--user"]);
        (ran.code, ran.stdout)
    };
    let active = "LoadState=loaded\nUnitFileState=enabled\nActiveState=active\nSubState=running\nStatusText=3 hubs, all well\n\
                  MainPID=77\nNRestarts=0\nMemoryCurrent=13000000\nResult=success\n";
    let said = "mcp-vitals is active (running), enabled\n  status: 3 hubs, all well\n  pid: 77\n  memory: 13.0 MB\n";
    assert_eq!(show(active), (Some(0), said.to_owned()));
    let (code, said) = show("LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=enabled\nResult=watchdog\n");
    assert!(code == Some(2) && said.contains("ended with: watchdog"), "{said}");
    assert_eq!(show("LoadState=not-found\n").0, Some(3));
}

#[test]
fn programs_of_others_get_what_they_need_and_a_mistake_is_found_before_the_service_meets_it() {
    let home = home();
    let dry = |more: &[&str]| run(&home, &[&["service", "install", "--system", "--dry-run"], more].concat());
    let unit = dry(&["--stdio", "node server.js"]).stdout;
    assert!(
        !unit.contains("MemoryDenyWriteExecute") && unit.contains("MemoryMax=1G") && unit.contains("DynamicUser=yes"),
        "{unit}"
    );
    assert!(unit.contains("--state-dir /var/lib/mcp-vitals --stdio \"node server.js\"\n"), "{unit}");
    let unit = dry(&["--run-as", "hubs"]).stdout;
    assert!(unit.contains("\nUser=hubs\n") && !unit.contains("DynamicUser"), "{unit}");
    home.configure("version: 1\nlogs: {x: {}}\n");
    let refused = dry(&[]);
    assert!(refused.code == Some(3) && refused.stderr.contains("`x` needs one of"), "{}", refused.stderr);
}
