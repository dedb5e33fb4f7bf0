-- One vector per word of `question`, by the model `embedded_by`: for each a scale (float, little
-- endian) and 384 signed bytes. With them two questions are aligned word by word.
alter table knowledge.passage add column word_vectors bytea;
