"""Run a management command on what ``bin/run`` serves: with its data folder, its secret key and its servers."""

import os
import sys

from django.core.management import execute_from_command_line

from guoxue.embedded import running_servers
from guoxue.launch.options import complete_environment, read_environment


def main() -> int:
    """Run the command of our arguments, unless there is no database for it."""
    var_dir = read_environment()
    has_own_servers = os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")
    if not has_own_servers and running_servers(var_dir) is None:
        print(
            f"{var_dir} 的数据库没有在运行：请先运行 bin/run，或设置 DATABASE_URL 与 REDIS_URL。",
            file=sys.stderr,
        )
        return 1
    complete_environment(var_dir)
    execute_from_command_line(["bin/manage", *sys.argv[1:]])
    return 0


if __name__ == "__main__":
    sys.exit(main())
