# Sourced by bin/run and bin/test in the repository's root: makes .venv and installs what a requirements file asks for.

find_python() {
    for name in python3.13 python3.12 python3.11 python3; do
        if command -v "$name" >/dev/null 2>&1 &&
            "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            printf '%s\n' "$name"
            return
        fi
    done
    echo '需要 Python 3.11 以上，但没有找到。例如：apt install python3 python3-venv，或 https://www.python.org/downloads/' >&2
    return 1
}

make_environment() {
    python=$(find_python)
    echo "▸ 建立 Python 环境 .venv（$("$python" --version)）"
    rm -rf .venv
    if ! output=$("$python" -m venv .venv 2>&1); then
        rm -rf .venv
        printf '%s\n' "$output" >&2
        echo '建立 .venv 失败：多半缺少 venv 模块。Debian 与 Ubuntu 上：apt install python3-venv' >&2
        return 1
    fi
}

# The stamp is written last, so an installation that was interrupted is done again.
prepare_environment() {
    if ! .venv/bin/python -c 'import pip' >/dev/null 2>&1; then
        make_environment
    fi
    stamp=.venv/installed-$1
    wanted=$(cat requirements.txt "$1" | cksum)
    if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
        return
    fi
    echo "▸ 安装 $1 里的依赖（首次约需一分钟）"
    if ! .venv/bin/python -m pip install -qq --disable-pip-version-check --no-input --requirement "$1"; then
        echo '安装依赖失败：请检查网络（或 pip 的镜像设置），然后再运行一次。' >&2
        return 1
    fi
    printf '%s\n' "$wanted" >"$stamp"
}
