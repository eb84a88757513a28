# docker build -t fakefal . && docker run --rm -p 127.0.0.1:8710:8710 fakefal
FROM python:3.13-slim AS build
COPY . /src
RUN python -m venv /opt/fakefal
RUN /opt/fakefal/bin/pip install --no-cache-dir --disable-pip-version-check -c /src/constraints.txt "/src[fast,redis]"

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home fakefal \
    && install --directory --owner fakefal --group fakefal /spool
COPY --from=build /opt/fakefal /opt/fakefal
ENV PATH=/opt/fakefal/bin:$PATH \
    FAKEFAL_HOST=0.0.0.0
USER fakefal
EXPOSE 8710
HEALTHCHECK --interval=5s --timeout=6s --start-period=20s \
    CMD ["fakefal", "health", "--ready-file", "/tmp/fakefal.json"]
CMD ["fakefal", "serve", "--ready-file", "/tmp/fakefal.json"]
