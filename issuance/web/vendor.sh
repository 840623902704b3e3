#!/bin/sh
# Copies the few files the pages load from node_modules to static/vendor. Run after `npm ci`.
set -eu
cd "$(dirname "$0")"
target=static/vendor
rm -rf "$target"
mkdir -p "$target"
cp node_modules/bootstrap/dist/css/bootstrap.min.css node_modules/bootstrap/dist/css/bootstrap.rtl.min.css "$target"
cp node_modules/htmx.org/dist/htmx.min.js "$target"
cp node_modules/htmx-ext-sse/dist/sse.min.js "$target"
cp "node_modules/vazirmatn/fonts/webfonts/Vazirmatn[wght].woff2" "$target/vazirmatn.woff2"
