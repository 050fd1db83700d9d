#!/usr/bin/env node
// The `gatehouse` command for PATH: `ln -s "$PWD/bin/gatehouse.mjs" ~/.local/bin/gatehouse`.
import { bootstrap } from './bootstrap.mjs';

await bootstrap('cli/main.ts', process.argv.slice(2));
