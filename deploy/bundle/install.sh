#!/bin/sh
# 离线安装“一刻钟”。用法：./install.sh [目录]（默认 /opt/yikezhong）
# 不访问网络：所有程序都在本文件夹内，安装前逐一校验。
set -eu
here=$(cd "$(dirname "$0")" && pwd)
target=${1:-/opt/yikezhong}
fail() { echo "错误：$1" >&2; exit 1; }

needed=$(sed -n 's/.*"python": "\([0-9.]*\)".*/\1/p' "$here/bundle.json")
machine=$(sed -n 's/.*"platform": "[a-z]*-\([^"]*\)".*/\1/p' "$here/bundle.json")
[ "$(uname -m)" = "$machine" ] ||
  fail "本安装包用于 $machine 处理器，这台机器是 $(uname -m)"
python=${PYTHON:-python$needed}
command -v "$python" >/dev/null ||
  fail "需要 Python $needed。请从系统安装源安装（如 Debian 12 的 python3），或用 PYTHON=路径 指定"
found=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ "$found" = "$needed" ] || fail "需要 Python $needed，$python 是 $found"
[ ! -e "$target/venv" ] || fail "$target 已有安装。请换一个目录，或先移走它（成果与数据不在其中）"

echo "校验文件 …"
(cd "$here" && sha256sum --quiet -c SHA256SUMS) || fail "文件校验未通过，安装包不完整或被改动"

echo "安装到 $target …"
mkdir -p "$target/bin" "$target/fonts" || fail "不能写入 $target，请以 root 运行或换一个目录"
"$python" -m venv --without-pip "$target/venv"
pip=$(echo "$here"/pip/pip-*.whl)
"$target/venv/bin/python" "$pip/pip" install --quiet --disable-pip-version-check \
  --no-index --find-links "$here/wheels" --no-deps --require-hashes -r "$here/requirements.txt" ||
  fail "安装没有完成；请删除 $target 后重试"
cp "$here"/fonts/* "$target/fonts/"
cp -r "$here/deploy" "$here/docs" "$here/LICENSE" "$target/"
cat >"$target/bin/yikezhong" <<EOF
#!/bin/sh
# 报告与地图图片所用的中文字体随程序安装
: "\${YIKEZHONG_FONT:=$target/fonts/NotoSansCJK-Regular.ttc}"
export YIKEZHONG_FONT
exec "$target/venv/bin/yikezhong" "\$@"
EOF
chmod 755 "$target/bin/yikezhong"
"$target/bin/yikezhong" settings >/dev/null || fail "安装后不能运行，请把以上信息告诉维护者"

echo "安装完成。先看示范："
echo "  $target/bin/yikezhong demo 示范研究"
echo "  $target/bin/yikezhong run 示范研究 --out 示范成果"
echo "  $target/bin/yikezhong serve 示范成果     # 浏览器打开 http://127.0.0.1:8000/maps/"
echo "长期运行（systemd、反向代理）见 $target/docs/operation.md 与 $target/deploy/"
