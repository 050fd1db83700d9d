# Gatehouse for production: no root, works on a read-only root file system. The data folder and /tmp must be writable.
FROM node:24-slim AS build
WORKDIR /gatehouse
COPY package.json package-lock.json .npmrc ./
RUN npm ci --include=dev
COPY . .
RUN node --input-type=module -e "import { ensureConsole } from './server/build-console.ts'; import { silentLogger } from './kernel/index.ts'; await ensureConsole(silentLogger);" \
 && npm prune --omit=dev --omit=optional \
 && rm -rf tests bench bin/node24 console/src

FROM node:24-slim
ENV NODE_ENV=production GATEHOUSE_MODE=production GATEHOUSE_HOST=0.0.0.0 GATEHOUSE_PORT=8470 \
    GATEHOUSE_DATA_DIR=/var/lib/gatehouse GATEHOUSE_LOG_FORMAT=json
WORKDIR /gatehouse
COPY --from=build --chown=root:root /gatehouse /gatehouse
RUN install -d -o node -g node -m 0711 /var/lib/gatehouse \
 && install -d -o node -g node -m 0700 /var/lib/gatehouse/secrets
USER node
VOLUME /var/lib/gatehouse
EXPOSE 8470
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.GATEHOUSE_PORT}/health/ready`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "cli/main.ts"]
CMD ["start"]
