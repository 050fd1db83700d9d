import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../db/index.ts';
import { cacheFolder } from './cache-folder.ts';
import { testFolderPrefix } from './leftovers.ts';
import { startServer, type ServerProcess } from './server-process.ts';

const run = promisify(execFile);
const version = '4.2.0';
const plugin = 'org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies';
const artifacts = [
  ['org.apache.kafka', 'kafka_2.13', version],
  ['org.apache.kafka', 'kafka-tools', version],
  ['org.slf4j', 'slf4j-simple', '1.7.36'],
] as const;

/** Where a broker's libraries are, or why they cannot be had. */
export type KafkaLibraries = { readonly folder: string } | { readonly missing: string };

/** Apache Kafka from Maven, kept in the cache folder; the broker needs Java 17 or newer. */
export async function provideKafka(): Promise<KafkaLibraries> {
  const folder = join(cacheFolder(), `kafka-${version}`);
  if (spawnSync('java', ['-version']).status !== 0) return { missing: 'no Java; install a JRE >= 17' };
  if (existsSync(folder)) return { folder };
  if (spawnSync('mvn', ['-version']).status !== 0) return { missing: 'no Maven (mvn) to fetch Kafka with' };
  const made = `${folder}.${process.pid}`;
  const project = await mkdtemp(join(tmpdir(), `${testFolderPrefix}kafka-`));
  try {
    await mkdir(cacheFolder(), { recursive: true });
    const dependencies = artifacts.map(
      ([group, artifact, number]) =>
        `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${number}</version></dependency>`,
    );
    await writeFile(
      join(project, 'pom.xml'),
      `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>test</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging><dependencies>${dependencies.join('')}</dependencies></project>`,
    );
    await run('mvn', ['-B', '-q', plugin, `-DoutputDirectory=${made}`], { cwd: project, timeout: 300_000 });
    await rename(made, folder);
    return { folder };
  } catch (error) {
    return { missing: `Kafka could not be fetched: ${(error as Error).message.split('\n')[0] ?? ''}` }; // execFile throws Errors
  } finally {
    await rm(project, { recursive: true, force: true });
  }
}

/** A broker that is its own controller. */
export type KafkaBroker = {
  readonly bootstrap: string;
  readonly start: () => Promise<void>;
  readonly stop: (signal?: NodeJS.Signals) => Promise<void>;
  readonly remove: () => Promise<void>;
};

/** @param folder - what {@link provideKafka} gave */
export async function createKafkaBroker(folder: string): Promise<KafkaBroker> {
  const home = await mkdtemp(join(tmpdir(), `${testFolderPrefix}kafka-`));
  const [port, controller] = [await freePort(), await freePort()];
  const properties = join(home, 'server.properties');
  const one = ['offsets.topic.replication.factor', 'transaction.state.log.replication.factor'];
  const lines = [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    `listeners=PLAINTEXT://127.0.0.1:${port},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port}`,
    'controller.listener.names=CONTROLLER',
    `log.dirs=${join(home, 'data')}`,
    ...[...one, 'transaction.state.log.min.isr', 'share.coordinator.state.topic.replication.factor'].map(
      (name) => `${name}=1`,
    ),
    'share.coordinator.state.topic.min.isr=1',
    'auto.create.topics.enable=false',
    'group.initial.rebalance.delay.ms=0',
    // A broker that was killed is let back in when the session of its former life has ended.
    'broker.session.timeout.ms=1000',
    'broker.heartbeat.interval.ms=200',
  ];
  await writeFile(properties, `${lines.join('\n')}\n`);
  const classPath = ['-cp', join(folder, '*')];
  const cluster = randomBytes(16).toString('base64url');
  await run('java', [...classPath, 'kafka.tools.StorageTool', 'format', '-t', cluster, '-c', properties]);
  let running: ServerProcess | null = null;
  const stop = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    await running?.stop(signal);
    running = null;
  };
  return {
    bootstrap: `127.0.0.1:${port}`,
    start: async () => {
      running ??= await startServer({
        program: 'java',
        args: ['-Xmx384m', '-XX:TieredStopAtLevel=1', ...classPath, 'kafka.Kafka', properties],
        port,
        cwd: home,
        timeoutMilliseconds: 60_000,
      });
    },
    stop,
    remove: async () => {
      await stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}
