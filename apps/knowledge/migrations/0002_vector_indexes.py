"""One approximate index per usual vector size, over the one column that holds all sizes."""

from django.db import migrations

#: As `ChunkEmbedding.INDEXED_DIMENSIONS` when this migration was written.
DIMENSIONS = (256, 384, 512, 768, 1024, 1536, 2048, 3072)


def _create(size: int) -> str:
    return (
        f"CREATE INDEX knowledge_embedding_hnsw_{size} ON knowledge_chunkembedding "
        f"USING hnsw ((vector::halfvec({size})) halfvec_cosine_ops) WHERE dimensions = {size}"
    )


class Migration(migrations.Migration):
    dependencies = [("knowledge", "0001_initial"), ("core", "0003_vector")]

    operations = [
        migrations.RunSQL(_create(size), f"DROP INDEX knowledge_embedding_hnsw_{size}") for size in DIMENSIONS
    ]
