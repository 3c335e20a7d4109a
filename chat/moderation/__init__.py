"""Judges texts before they are saved or shown: the operators' word list always, WeChat where the reader is known there."""
