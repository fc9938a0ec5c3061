# The program `thorn` as an image, for every database and queue:
#
#   docker build -t thorn .
#   docker run --rm -v thorn:/data thorn key create --scope publish,read,resend,hooks
#   docker run -p 8080:8080 -v thorn:/data thorn
#
# The server listens beyond loopback inside, so it needs a key made before.

FROM rust:1.94-slim-bookworm AS build
WORKDIR /thorn
COPY . .
RUN cargo build --release --locked --bin thorn --features postgres,mysql,redis

FROM debian:bookworm-slim
# For the authorities that receivers' certificates are checked with.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /data --create-home thorn
COPY --from=build /thorn/target/release/thorn /usr/local/bin/thorn
USER 10001
WORKDIR /data
VOLUME /data
ENV DATABASE_URL=sqlite:///data/thorn.db?mode=rwc \
    THORN_LISTEN=0.0.0.0:8080
EXPOSE 8080
# bash opens the connection, so the image needs no other program for this.
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s CMD ["bash", "-c", \
    "exec 3<>/dev/tcp/127.0.0.1/8080 && printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3"]
ENTRYPOINT ["thorn"]
CMD ["server"]
