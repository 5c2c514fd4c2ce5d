//! `tapcompare completions`: what a shell needs to complete this command line.

use clap::CommandFactory;
use clap_complete::{Shell, generate};

use super::{Cli, Status, Trouble, print};

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "  bash  tapcompare completions bash > ~/.local/share/bash-completion/completions/tapcompare\n  \
                        zsh   tapcompare completions zsh > a folder of $fpath/_tapcompare\n  \
                        fish  tapcompare completions fish > ~/.config/fish/completions/tapcompare.fish"
)]
pub(crate) struct CompletionsArgs {
    /// Which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self) -> Result<Status, Trouble> {
        let mut script = Vec::new();
        generate(self.shell, &mut Cli::command(), "tapcompare", &mut script);
        print(&String::from_utf8(script)?)
    }
}
