"""Routes that are asked less often: sound, images, files, batches, jobs and stored responses."""
