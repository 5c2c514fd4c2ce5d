# Built where the headers are, run where only the library is.
FROM rust:1-bookworm AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpcap-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /src
# .dockerignore keeps the build's own output and the history out.
COPY . .
RUN cargo build --release --locked --bin tapcompare \
 && strip target/release/tapcompare

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends libpcap0.8 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --home-dir /work --create-home tapcompare
COPY --from=build /src/target/release/tapcompare /usr/local/bin/tapcompare
COPY rules/ /usr/share/tapcompare/rules/
# Captures and policies are mounted here, and reports are written here. To watch an interface of the host, start it as root with
# three capabilities; it gives them up and becomes the owner of this folder once the capture is open:
# docker run --network host --user 0 --cap-drop ALL --cap-add NET_RAW --cap-add SETUID --cap-add SETGID tapcompare watch ...
# A tee needs no right: docker run -p 8080:8080 tapcompare tee --listen 0.0.0.0:8080 --legacy ... --candidate ...
WORKDIR /work
USER 10001
ENTRYPOINT ["tapcompare"]
CMD ["--help"]
