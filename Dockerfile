# BASE needs Node 20.19 or newer and nothing else, so a distroless image will do; BUILD_BASE needs npm as well.
ARG BUILD_BASE=node:24-slim
ARG BASE=node:24-slim

FROM ${BUILD_BASE} AS build
WORKDIR /build
COPY package.json package-lock.json ./
COPY samples/chat/package.json samples/chat/
RUN npm ci
COPY . .
RUN npm pack --pack-destination /tmp \
  && mkdir -p /out/app /out/etc/hubwire \
  && tar -xzf /tmp/hubwire-*.tgz -C /out/app --strip-components 1
# The versions of the lock file, without what only development and the sample need.
WORKDIR /out/app
RUN cp /build/package-lock.json . && npm ci --omit=dev --workspaces=false && rm package-lock.json

FROM ${BASE}
LABEL org.opencontainers.image.title="Hubwire" \
  org.opencontainers.image.description="A self-hosted hub service for the wire protocols of Azure Web PubSub and Pusher" \
  org.opencontainers.image.licenses="MIT"
COPY --from=build /out/ /
# hubs.yaml is read from here when one is mounted.
WORKDIR /etc/hubwire
# Inside a container the listeners are reached through its network alone; publish 8081 to trusted networks only.
ENV NODE_ENV=production HUBWIRE_HOST=0.0.0.0 HUBWIRE_ADMIN_HOST=0.0.0.0
EXPOSE 8080 8081
USER 65532:65532
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["node", "/app/dist/main.js", "health"]
ENTRYPOINT ["node", "/app/dist/main.js"]
CMD ["start"]
